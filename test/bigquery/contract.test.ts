import { inject } from 'vitest';
import { destinationContract } from '../contract/destination.ts';
import { bigQueryWarehouse } from './warehouse.ts';

destinationContract('bigquery', () => bigQueryWarehouse(inject('bigquery')));
