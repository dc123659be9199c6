/** What the tests of commands share. */
import { assertEquals } from "@std/assert";

export const encode = (text: string) => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What `/proc` can tell. */
export const linux = Deno.build.os === "linux";

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** The children of this process, running or dead and not reaped; and those that are dead. */
export function children(): { all: number[]; zombies: number[] } {
  const all: number[] = [], zombies: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      // The name in brackets may hold anything; the state and the parent follow the last one.
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) !== Deno.pid) continue;
      all.push(Number(name));
      if (state === "Z") zombies.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return { all, zombies };
}

/** Whether a process exists and is no zombie. */
export function running(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

/** Waits until something is so, for as long as the test may last. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Runs `body`, and fails unless every child and descriptor that it made is gone afterwards. */
export async function nothingLeft(body: () => Promise<void>): Promise<void> {
  if (!linux) return await body();
  const before = { fds: openDescriptors(), children: children().all.length };
  await body();
  // The runtime closes what was cancelled in a task of its own.
  for (let i = 0; i < 500 && openDescriptors() > before.fds; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const after = { fds: Math.max(openDescriptors(), before.fds), children: children().all.length };
  assertEquals(after, before);
}

/** A test on real programs that must leave nothing behind; not on Windows, which lacks them. */
export function programTest(name: string, body: () => Promise<void>): void {
  const ignore = Deno.build.os === "windows";
  if (ignore) console.log(`skipped on Windows: ${name}`);
  Deno.test({ name, ignore, fn: () => nothingLeft(body) });
}

/** Whether a program is installed; says so when it is not. */
export function installed(program: string, ...args: string[]): boolean {
  try {
    new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    console.log(`${program} is not installed: its tests are skipped`);
    return false;
  }
}
