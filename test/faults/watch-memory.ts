/** The memory of a process and all its descendants, as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs';

interface MemoryWatch extends Disposable {
  /** Most bytes that were resident at once, as far as the samples saw. */
  readonly peak: number;
}

/** Looks twenty times a second. */
export function watchMemory(pid: number): MemoryWatch {
  let peak = 0;
  const look = () => {
    peak = Math.max(
      peak,
      treeOf(pid).reduce((sum, each) => sum + residentBytes(each), 0),
    );
  };
  const timer = setInterval(look, 50);
  return {
    get peak() {
      return peak;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function treeOf(root: number): number[] {
  const children = Map.groupBy(
    readdirSync('/proc').filter((name) => /^\d+$/.test(name)),
    (pid) => parentOf(Number(pid)),
  );
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []).map(Number));
  return tree;
}

/** 0 where the process is gone. */
function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(pid, 'status'))?.[1] ?? 0);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0);
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
