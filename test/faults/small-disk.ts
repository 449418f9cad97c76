/** A disk of a few megabytes, which only root can mount. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

export const mayMount = process.getuid?.() === 0;

interface SmallDisk extends Disposable {
  grow(megabytes: number): void;
}

export function smallDisk(path: string, megabytes: number): SmallDisk {
  mkdirSync(path, { recursive: true });
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  return {
    grow: (to) => void execFileSync('/bin/mount', ['-o', `remount,size=${to}m`, path]),
    [Symbol.dispose]: () => void execFileSync('/bin/umount', ['--lazy', path]),
  };
}
