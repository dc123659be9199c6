/**
 * The one wait of the program for all of its descriptors.
 *
 * Registrations stay in the kernel, level-triggered: waiting again for what was waited for
 * before costs no system call, and an event that nobody waits for is taken back then.
 *
 * Looking for events is free of threads while they come quickly: once in each turn of the event
 * loop. Only when nothing has come for a while does one thread of the runtime's pool block until
 * something does. That thread would keep the program alive, so it is woken when the last waiter
 * leaves; without waiters there is neither a thread nor a turn.
 */
import { Deadline, type WaitOptions } from "../deadline.ts";
import { Epoll } from "./epoll.ts";
import { DescriptorClosedError } from "./errors.ts";
import { Kqueue } from "./kqueue.ts";
import { darwin } from "./libc.ts";
import { type Direction, READ, type Readiness, WRITE } from "./readiness.ts";
export type { Direction };

/** Called once: with nothing when the descriptor is ready, else with the reason. Never throws. */
export type OnReady = (error?: unknown) => void;

/** A descriptor that was waited for. */
interface Watched {
  readonly fd: number;
  /** Tells this use of the number from earlier ones, in events that are under way. */
  readonly token: number;
  /** The directions that the kernel watches. */
  armed: number;
  readers: Waiter[];
  writers: Waiter[];
}

interface Waiter {
  onReady: OnReady;
  keepAlive: boolean;
}

/**
 * Turns without an event before a thread blocks. A turn takes about 1.5 us, handing a wait to a
 * thread and back about 40: so long it pays to look. Where looking did not help, it is done less.
 */
const maxTurns = 64;
const minTurns = 4;
/** A wait that took a thread no longer than this, in milliseconds, was worth some more turns. */
const shortBlock = 0.25;
/** The longest sleep, in milliseconds, while no waiter keeps the program alive. */
const maxSleep = 20;

/** What the poller is doing. */
enum State {
  /** Nobody waits. Next: Turning, Sleeping. */
  Idle,
  /** Looks in each turn of the event loop. Next: Blocked, Sleeping, Idle. */
  Turning,
  /** A thread waits. Next: Turning, Sleeping, Idle, each after the thread is back. */
  Blocked,
  /** Looks now and then, by a timer that lets the program end. Next: Turning, Idle. */
  Sleeping,
}

/**
 * Waits until descriptors are ready. There is one, {@linkcode poller}: for each isolate, that is
 * for the program and for each of its workers.
 */
export class Poller {
  #kernel: Readiness | undefined;
  #watched: (Watched | undefined)[] = [];
  #token = 0;
  /** How many wait, and how many of them keep the program alive. */
  #waiters = 0;
  #keepers = 0;
  #state = State.Idle;
  /** Turns since the last event, and how many there may be. */
  #turns = 0;
  #budget = maxTurns;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sleep = 1;
  /** Since when the thread blocks, and whether it is being woken. */
  #blockedAt = 0;
  #woken = false;
  /** Who wants to know when the thread is back. */
  #back: PromiseWithResolvers<void> | undefined;
  /** While callbacks run: what to do next is decided after the last one. */
  #dispatching = false;

  /**
   * Makes a poller of its own; the program's is `poller`.
   *
   * @param kernel What to ask; the system's epoll or kqueue by default, made when needed.
   */
  constructor(kernel?: Readiness) {
    this.#kernel = kernel;
  }

  /**
   * Waits until a descriptor is ready: a call that gave `null` is worth another try. Any number
   * can wait at once, also for the same descriptor. Needs `--allow-ffi`.
   *
   * ```ts
   * import { close, pipe2, poller, read, write } from "@plumb/plumb/sys";
   *
   * const [reader, writer] = pipe2();
   * setTimeout(() => write(writer, new Uint8Array(5)), 10);
   * await poller.wait(reader, "read", { timeout: 1_000 });
   * console.log(read(reader, new Uint8Array(10))); // 5
   * close(reader);
   * close(writer);
   * ```
   *
   * @param fd A descriptor of a socket, pipe, FIFO, terminal, ...
   * @param direction `"read"` for something to read, the end included; `"write"` for room to
   * write. An error makes both ready.
   * @param wait Limits; a `Deadline` of the caller's is not disposed.
   * @throws The reason of an abort, unchanged; a `TimeoutError` when the time was up.
   * @throws {DescriptorClosedError} The descriptor was closed meanwhile.
   * @throws {SyscallError} `EBADF`; `EPERM`: a regular file, which is always ready.
   */
  wait(fd: number, direction: Direction, wait?: WaitOptions | Deadline): Promise<void> {
    if (wait === undefined) {
      return new Promise((resolve, reject) => {
        this.watch(fd, direction, (error) => error === undefined ? resolve() : reject(error));
      });
    }
    return new Promise((resolve, reject) => {
      const deadline = wait instanceof Deadline ? wait : new Deadline(wait, { phase: "wait" });
      deadline.throwIfExpired();
      const onReady: OnReady = (error) => {
        unwatch();
        if (error === undefined) resolve();
        else reject(error);
      };
      let unwatch = () => {};
      this.watch(fd, direction, onReady);
      unwatch = deadline.watch((reason) => {
        this.unwatch(fd, direction, onReady);
        reject(reason);
      });
    });
  }

  /**
   * Calls back when a descriptor is ready, once: what {@linkcode Poller.wait} is made of, for
   * those who wait so often that a promise each time is too much.
   *
   * @param fd The descriptor.
   * @param direction Which way.
   * @param onReady Called later, never within this call.
   * @param keepAlive `false` lets the program end although this waits; such a wait may be
   * noticed up to 20 ms late when no other keeps the program alive.
   * @throws {SyscallError} As `wait`.
   */
  watch(fd: number, direction: Direction, onReady: OnReady, keepAlive: boolean = true): void {
    const bit = direction === "read" ? READ : WRITE;
    const watched = this.#watched[fd] ?? this.#add(fd);
    if ((watched.armed & bit) === 0) {
      const wanted = bit | waitedFor(watched);
      this.#kernel!.watch(fd, watched.token, watched.armed, wanted);
      watched.armed = wanted;
    }
    (bit === READ ? watched.readers : watched.writers).push({ onReady, keepAlive });
    this.#waiters++;
    if (keepAlive) this.#keepers++;
    if (this.#dispatching) return;
    if (this.#state === State.Idle || this.#state === State.Sleeping) {
      this.#sleep = 1;
      this.#proceed();
    }
  }

  /**
   * Takes a callback back.
   *
   * @param fd The descriptor.
   * @param direction Which way.
   * @param onReady The callback that was given.
   * @returns Whether it still waited; if so, it is never called.
   */
  unwatch(fd: number, direction: Direction, onReady: OnReady): boolean {
    const watched = this.#watched[fd];
    if (watched === undefined) return false;
    const waiters = direction === "read" ? watched.readers : watched.writers;
    const i = waiters.findIndex((waiter) => waiter.onReady === onReady);
    if (i < 0) return false;
    this.#leave(waiters[i]);
    waiters.splice(i, 1);
    this.#settle();
    return true;
  }

  /**
   * Ends all waits for a descriptor with a `DescriptorClosedError` and drops its registration.
   * `close` does this by itself; needed only where something else closes the descriptor.
   *
   * @param fd The descriptor.
   */
  forget(fd: number): void {
    const watched = this.#watched[fd];
    if (watched === undefined) return;
    this.#watched[fd] = undefined;
    this.#disarm(watched, 0);
    if (watched.readers.length + watched.writers.length > 0) {
      const error = new DescriptorClosedError(fd);
      this.#fire(watched.readers, error);
      this.#fire(watched.writers, error);
      this.#settle();
    }
  }

  /**
   * Waits until no thread is blocked. That is so at once, but for a moment after the last wait
   * was given up: only tests that look for unfinished operations can tell.
   */
  idle(): Promise<void> {
    if (this.#state !== State.Blocked) return Promise.resolve();
    return (this.#back ??= Promise.withResolvers()).promise;
  }

  #add(fd: number): Watched {
    if (!Number.isInteger(fd)) throw new TypeError(`fd must be a descriptor, got ${fd}`);
    this.#kernel ??= darwin ? new Kqueue() : new Epoll();
    this.#token = (this.#token + 1) & 0x7fffffff;
    const watched = { fd, token: this.#token, armed: 0, readers: [], writers: [] };
    // A negative one must not become a property: the kernel will refuse it.
    if (fd >= 0) this.#watched[fd] = watched;
    return watched;
  }

  #leave(waiter: Waiter): void {
    this.#waiters--;
    if (waiter.keepAlive) this.#keepers--;
  }

  #fire(waiters: Waiter[], error?: unknown): void {
    // Callbacks may wait again, behind those that wait now.
    for (let n = waiters.length; n > 0 && waiters.length > 0; n--) {
      const waiter = waiters.shift()!;
      this.#leave(waiter);
      waiter.onReady(error);
    }
  }

  /** Watches less of a descriptor. It may be closed already, which is as good. */
  #disarm(watched: Watched, wanted: number): void {
    if (watched.armed === wanted) return;
    try {
      this.#kernel!.watch(watched.fd, watched.token, watched.armed, wanted);
    } catch {
      wanted = 0;
    }
    watched.armed = wanted;
  }

  #dispatch(count: number): void {
    const kernel = this.#kernel!;
    this.#dispatching = true;
    for (let i = 0; i < count; i++) {
      const watched = this.#watched[kernel.fd(i)];
      if (watched === undefined || watched.token !== kernel.token(i)) continue;
      const wanted = waitedFor(watched);
      const ready = kernel.ready(i) & wanted;
      // Ready, and nobody cares: left alone, it would end every wait at once.
      if (ready === 0) this.#disarm(watched, wanted);
      if (ready & READ) this.#fire(watched.readers);
      if (ready & WRITE) this.#fire(watched.writers);
    }
    this.#dispatching = false;
  }

  #turn = (): void => {
    this.#immediate = undefined;
    if (this.#look()) {
      this.#budget = maxTurns;
      this.#turns = 0;
    } else {
      this.#turns++;
    }
    if (this.#keepers === 0 || this.#turns < this.#budget) return this.#proceed();
    this.#state = State.Blocked;
    this.#budget = Math.max(this.#budget >> 1, minTurns);
    this.#blockedAt = performance.now();
    this.#kernel!.block().then(this.#unblocked);
  };

  #unblocked = (count: number): void => {
    this.#woken = false;
    if (performance.now() - this.#blockedAt < shortBlock) this.#budget = maxTurns;
    this.#dispatch(count);
    this.#turns = 0;
    this.#proceed();
    this.#back?.resolve();
    this.#back = undefined;
  };

  #wakeUp = (): void => {
    this.#timer = undefined;
    this.#sleep = this.#look() ? 1 : Math.min(this.#sleep * 2, maxSleep);
    this.#proceed();
  };

  /** Serves the events that are there; gives whether there were any. */
  #look(): boolean {
    try {
      const count = this.#kernel!.poll();
      this.#dispatch(count);
      return count > 0;
    } catch (error) {
      // Without events there is no hope for those who wait.
      this.#dispatching = true;
      for (const watched of this.#watched) {
        if (watched === undefined) continue;
        this.#fire(watched.readers, error);
        this.#fire(watched.writers, error);
      }
      this.#dispatching = false;
      return true;
    }
  }

  /** Does what the waiters need: looks in the next turn, now and then, or not at all. */
  #proceed(): void {
    this.#clear();
    if (this.#keepers > 0) {
      this.#state = State.Turning;
      this.#immediate = setImmediate(this.#turn);
    } else if (this.#waiters > 0) {
      this.#state = State.Sleeping;
      this.#timer = setTimeout(this.#wakeUp, this.#sleep);
      Deno.unrefTimer(this.#timer);
    } else {
      this.#state = State.Idle;
      this.#turns = 0;
    }
  }

  #clear(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#immediate = this.#timer = undefined;
  }

  /** Someone has left: if it was the last who kept the program alive, lets go of what does. */
  #settle(): void {
    if (this.#dispatching || this.#keepers > 0) return;
    if (this.#state !== State.Blocked) this.#proceed();
    else if (!this.#woken) {
      this.#woken = true;
      this.#kernel!.wake();
    }
  }
}

const waitedFor = (watched: Watched) =>
  (watched.readers.length > 0 ? READ : 0) | (watched.writers.length > 0 ? WRITE : 0);

/**
 * The poller of the program. It costs nothing until something waits.
 *
 * ```ts
 * import { close, poller, SOCK_STREAM, socketpair } from "@plumb/plumb/sys";
 *
 * const [a, b] = socketpair(SOCK_STREAM);
 * await poller.wait(a, "write"); // there is room at once
 * close(a);
 * close(b);
 * ```
 */
export const poller: Poller = new Poller();
