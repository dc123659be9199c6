/** Linux's epoll, as the poller wants it. */
import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { EEXIST, ENOENT } from "./errno.ts";
import { SyscallError } from "./errors.ts";
import { bytes, errnoAt, errnoOut, failure, linux, savedErrno } from "./libc.ts";
import { READ, type Readiness, WRITE } from "./readiness.ts";

const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLET = 0x80000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** How many events to take at once. */
const maxEvents = 256;
// struct epoll_event is packed on x86-64, and only there: 32 bits of events, 64 of data.
const eventSize = Deno.build.arch === "x86_64" ? 12 : 16;
const dataAt = eventSize - 8;

/** A {@linkcode Readiness} of its own epoll descriptor. */
export class Epoll implements Readiness {
  readonly #epoll: number;
  readonly #eventfd: number;
  readonly #events = bytes(maxEvents * eventSize);
  readonly #view = new DataView(this.#events.buffer);
  readonly #change = bytes(eventSize);
  readonly #changeView = new DataView(this.#change.buffer);
  readonly #one = bytes(8).fill(1, 0, 1);

  constructor() {
    const c = linux();
    this.#epoll = c.epoll_create1(O_CLOEXEC);
    if (this.#epoll < 0) throw failure("epoll_create1", c.saveErrno(errnoOut, errnoAt, 4));
    this.#eventfd = c.eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (this.#eventfd < 0) throw failure("eventfd", c.saveErrno(errnoOut, errnoAt, 4));
    // Edge-triggered, each write is one event, and nobody needs to read the counter back.
    const failed = this.#control(EPOLL_CTL_ADD, this.#eventfd, 0, EPOLLIN | EPOLLET);
    if (failed !== 0) throw new SyscallError("epoll_ctl", failed);
  }

  watch(fd: number, token: number, from: number, to: number): void {
    const events = (to & READ ? EPOLLIN : 0) | (to & WRITE ? EPOLLOUT : 0);
    const op = to === 0 ? EPOLL_CTL_DEL : from === 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    let failed = this.#control(op, fd, token, events);
    // Closed behind our back, a descriptor's registration went with it; a copy of it that was
    // sent to another process keeps it.
    if (failed === ENOENT && op === EPOLL_CTL_MOD) {
      failed = this.#control(EPOLL_CTL_ADD, fd, token, events);
    } else if (failed === EEXIST) {
      failed = this.#control(EPOLL_CTL_MOD, fd, token, events);
    }
    if (failed !== 0) throw new SyscallError("epoll_ctl", failed);
  }

  #control(op: number, fd: number, token: number, events: number): number {
    this.#changeView.setUint32(0, events, true);
    this.#changeView.setInt32(dataAt, fd, true);
    this.#changeView.setInt32(dataAt + 4, token, true);
    const c = linux();
    if (c.epoll_ctl(this.#epoll, op, fd, this.#change) >= 0) return 0;
    return savedErrno(c.saveErrno(errnoOut, errnoAt, 4));
  }

  poll(): number {
    const c = linux();
    const n = c.epoll_wait(this.#epoll, this.#events, maxEvents, 0);
    if (n < 0) throw failure("epoll_wait", c.saveErrno(errnoOut, errnoAt, 4));
    return n;
  }

  block(): Promise<number> {
    return linux().epollBlock(this.#epoll, this.#events, maxEvents, -1);
  }

  wake(): void {
    linux().write(this.#eventfd, this.#one, 8);
  }

  fd(i: number): number {
    const fd = this.#view.getInt32(i * eventSize + dataAt, true);
    return fd === this.#eventfd ? -1 : fd;
  }

  token(i: number): number {
    return this.#view.getInt32(i * eventSize + dataAt + 4, true);
  }

  ready(i: number): number {
    const events = this.#view.getUint32(i * eventSize, true);
    if (events & (EPOLLERR | EPOLLHUP)) return READ | WRITE;
    return (events & EPOLLIN ? READ : 0) | (events & EPOLLOUT ? WRITE : 0);
  }
}
