/** Pipes of the kernel between two programs, with nobody in the middle. */
import { available, close, pipe2, setNonblock } from "../sys/mod.ts";

/** A pipe to hand to two programs. Ours to close, each end as soon as its program has it. */
export class KernelPipe implements Disposable {
  readonly reader: number;
  readonly writer: number;
  #open: Set<number>;

  /** Makes one; its ends wait, as programs expect. */
  constructor() {
    [this.reader, this.writer] = pipe2();
    this.#open = new Set([this.reader, this.writer]);
    setNonblock(this.reader, false);
    setNonblock(this.writer, false);
  }

  /** Closes our copy of an end. */
  close(end: "reader" | "writer"): void {
    if (this.#open.delete(this[end])) close(this[end]);
  }

  [Symbol.dispose](): void {
    this.close("reader");
    this.close("writer");
  }
}

/** The runtime that first takes descriptors for the standard streams of a program. */
const since = [2, 9] as const;

/**
 * Whether there are such pipes: on Linux and macOS with `--allow-ffi`, in a runtime that can hand a
 * descriptor on. Asks for no permission.
 */
export function haveKernelPipes(): boolean {
  const [major, minor] = Deno.version.deno.split(".").map(Number);
  if (major < since[0] || (major === since[0] && minor < since[1])) return false;
  return available();
}
