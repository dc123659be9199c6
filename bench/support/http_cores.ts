/** Which core is whose: servers have one to themselves, and so has what asks them. */
import { hasProgram } from "./http_programs.ts";

/** The core of the servers. */
export const serverCore = 0;

/** The core of the load. */
export const loadCore = 1;

/** Whether processes are kept to their cores: it takes `taskset`, and a second core. */
export const pinning: boolean = navigator.hardwareConcurrency > 1 && hasProgram("taskset");

/** A command line that runs on one core. */
export function pinned(core: number, command: readonly string[]): readonly string[] {
  return pinning ? ["taskset", "-c", String(core), ...command] : command;
}
