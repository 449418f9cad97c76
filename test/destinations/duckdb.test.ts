import { destinationContract } from '../contract/destination.ts';
import { duckDbWarehouse } from './duckdb-warehouse.ts';

destinationContract('duckdb', duckDbWarehouse);
