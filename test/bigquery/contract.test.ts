import { inject } from 'vitest';
import { destinationContract } from '../contract/destination.ts';
import { bigQueryWarehouse, realWarehouse } from './warehouse.ts';

const url = inject('bigquery');
destinationContract('bigquery', () => (url === undefined ? realWarehouse() : bigQueryWarehouse(url)));
