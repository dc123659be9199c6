/** Ending a process, first politely. */
import { type Clock, systemClock } from "../deadline.ts";

/** What is to end: a process, or one and all that it has started. */
export interface Target {
  /** Resolves when the process itself is gone; never rejects. */
  readonly exited: Promise<unknown>;
  /** Whether it leads a group, which is to end with it. */
  readonly group: boolean;
  /**
   * Sends a signal, to the whole group if it leads one.
   *
   * @returns Whether anything was there to get it.
   */
  signal(name: Deno.Signal): boolean;
  /** Whether anything of it is left. */
  alive(): boolean;
}

/** How {@linkcode terminate} goes about it. */
export interface TerminateOptions {
  /** The polite signal; `"SIGTERM"` by default. */
  signal?: Deno.Signal;
  /**
   * Milliseconds until `SIGKILL`; {@linkcode defaultKillDelay} by default. `0`: never. Negative:
   * at once.
   */
  killDelay?: number;
  /** The clock; the system's by default. */
  clock?: Clock;
}

/** How long a process may take to end after it was asked to, in milliseconds. */
export const defaultKillDelay = 5_000;

/** How often to look whether a group is gone, in milliseconds: nothing tells. */
const firstLook = 1;
const slowestLook = 50;

/**
 * Asks a process to end, and ends it with `SIGKILL` when it has not after a while. Without
 * `killDelay` it may take as long as it likes.
 *
 * @param target The process.
 * @param options The signal, the delay.
 * @returns Resolves when it is gone. Of a group, what is left when `SIGKILL` was sent is not
 * waited for: a member that nobody reaps would look alive for ever.
 */
export async function terminate(target: Target, options: TerminateOptions = {}): Promise<void> {
  const { signal = "SIGTERM", killDelay = defaultKillDelay, clock = systemClock } = options;
  let killed = false;
  let onKill = () => {};
  const kill = () => {
    killed = true;
    target.signal("SIGKILL");
    onKill();
  };
  if (!target.signal(signal)) return void await target.exited;
  let timer: unknown;
  if (killDelay < 0) kill();
  else if (killDelay > 0) timer = clock.setTimeout(kill, killDelay);
  await target.exited;
  for (
    let look = firstLook;
    target.group && !killed && target.alive();
    look = Math.min(look * 2, slowestLook)
  ) {
    await new Promise<void>((resolve) => {
      const next = clock.setTimeout(resolve, look);
      onKill = () => {
        clock.clearTimeout(next);
        resolve();
      };
    });
  }
  clock.clearTimeout(timer);
}
