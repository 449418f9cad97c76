import { inject } from 'vitest';
import { destinationContract } from '../contract/destination.ts';
import { realWarehouse, snowflakeWarehouse } from './warehouse.ts';

const url = inject('snowflake');
destinationContract('snowflake', () => (url === undefined ? realWarehouse() : snowflakeWarehouse(url)));
