/** An exportd that loads one staged batch, until somebody kills it. */
import { loadOnce } from '../contract/load-once.ts';
import { openFor } from './warehouse.ts';

const { place, folder, path, entry } = JSON.parse(process.argv[2] ?? '{}');
const { destination } = await openFor({ place, folder });
await loadOnce(destination, path, entry);
