/** macOS's kqueue, as the poller wants it. */
import { SyscallError } from "./errors.ts";
import { bytes, errnoAt, errnoOut, failure, macos, savedErrno } from "./libc.ts";
import { READ, type Readiness, WRITE } from "./readiness.ts";

const EVFILT_READ = -1;
const EVFILT_WRITE = -2;
const EVFILT_USER = -10;
const EV_ADD = 0x1;
const EV_DELETE = 0x2;
const EV_CLEAR = 0x20;
const NOTE_TRIGGER = 0x01000000;

const maxEvents = 256;
// struct kevent: ident 0, filter 8, flags 10, fflags 12, data 16, udata 24.
const eventSize = 32;
/** The ident of the event that ends `block`; user events have idents of their own. */
const wakeIdent = 0;

/** A {@linkcode Readiness} of its own kqueue. */
export class Kqueue implements Readiness {
  readonly #kqueue: number;
  readonly #events = bytes(maxEvents * eventSize);
  readonly #view = new DataView(this.#events.buffer);
  readonly #change = bytes(eventSize);
  readonly #changeView = new DataView(this.#change.buffer);
  /** A struct timespec of no time at all. */
  readonly #now = bytes(16);

  constructor() {
    // A kqueue is not inherited by a fork, and so needs no close-on-exec.
    const c = macos();
    this.#kqueue = c.kqueue();
    if (this.#kqueue < 0) throw failure("kqueue", c.saveErrno(errnoOut, errnoAt, 4));
    const failed = this.#control(wakeIdent, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
    if (failed !== 0) throw new SyscallError("kevent", failed);
  }

  watch(fd: number, token: number, from: number, to: number): void {
    this.#filter(fd, EVFILT_READ, token, from & READ, to & READ);
    this.#filter(fd, EVFILT_WRITE, token, from & WRITE, to & WRITE);
  }

  #filter(fd: number, filter: number, token: number, from: number, to: number): void {
    if (from === to) return;
    const failed = this.#control(fd, filter, to === 0 ? EV_DELETE : EV_ADD, 0, token);
    // Closed behind our back, a descriptor has no filters left to delete.
    if (failed !== 0 && to !== 0) throw new SyscallError("kevent", failed);
  }

  #control(ident: number, filter: number, flags: number, fflags: number, token: number): number {
    const view = this.#changeView;
    view.setUint32(0, ident, true);
    view.setInt16(8, filter, true);
    view.setUint16(10, flags, true);
    view.setUint32(12, fflags, true);
    view.setInt32(24, token, true);
    const c = macos();
    if (c.kevent(this.#kqueue, this.#change, 1, null, 0, this.#now) >= 0) return 0;
    return savedErrno(c.saveErrno(errnoOut, errnoAt, 4));
  }

  poll(): number {
    const c = macos();
    const n = c.kevent(this.#kqueue, null, 0, this.#events, maxEvents, this.#now);
    if (n < 0) throw failure("kevent", c.saveErrno(errnoOut, errnoAt, 4));
    return n;
  }

  block(): Promise<number> {
    return macos().keventBlock(this.#kqueue, null, 0, this.#events, maxEvents, null);
  }

  wake(): void {
    this.#control(wakeIdent, EVFILT_USER, 0, NOTE_TRIGGER, 0);
  }

  fd(i: number): number {
    if (this.#view.getInt16(i * eventSize + 8, true) === EVFILT_USER) return -1;
    return this.#view.getInt32(i * eventSize, true);
  }

  token(i: number): number {
    return this.#view.getInt32(i * eventSize + 24, true);
  }

  ready(i: number): number {
    return this.#view.getInt16(i * eventSize + 8, true) === EVFILT_WRITE ? WRITE : READ;
  }
}
