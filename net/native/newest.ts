/**
 * The descriptors that the runtime has just made: a new one is the lowest free number, so that it
 * is found with a few looks, however many are open.
 */
import { AF_INET, close, SOCK_STREAM, socket } from "../../sys/mod.ts";
import type { NetAddress } from "../conn.ts";
import { connects, findDescriptor, listensOn } from "./descriptor.ts";

/** After so many unused numbers in a row, a new descriptor is not looked for further up. */
const gap = 32;

/** Below are the standard streams. */
const first = 3;

/** The descriptors of a listener's connections. Needs `--allow-ffi`. */
export class NewestDescriptors {
  /** Known to belong to connections that live: not worth a system call. */
  readonly #taken: boolean[] = [];
  /** The lowest number that may be a new connection's, unless something else was closed below. */
  #from = first;

  /**
   * Finds the descriptor of a connection that was just accepted.
   *
   * @param local This end.
   * @param remote The other end.
   * @returns The descriptor; `undefined` when the peer has reset the connection.
   */
  find(local: NetAddress, remote: NetAddress): number | undefined {
    const fd = this.#look(this.#from, Infinity, local, remote) ??
      this.#look(first, this.#from, local, remote) ??
      // What this knows of the lower numbers may be out of date.
      findDescriptor(local, remote);
    if (fd === undefined) return undefined;
    this.#taken[fd] = true;
    this.#from = fd + 1;
    return fd;
  }

  /**
   * Says that a connection is closed, so that its number may become another's.
   *
   * @param fd What `find` gave for it.
   */
  release(fd: number): void {
    this.#taken[fd] = false;
    if (fd < this.#from) this.#from = fd;
  }

  #look(from: number, to: number, local: NetAddress, remote: NetAddress): number | undefined {
    for (let fd = from, unused = 0; fd < to && unused < gap; fd++) {
      if (this.#taken[fd]) continue;
      const found = connects(fd, local, remote);
      if (found) return fd;
      unused = found === undefined ? unused + 1 : 0;
    }
    return undefined;
  }
}

/**
 * Listens, and finds the descriptor of the listener. Needs `--allow-ffi`.
 *
 * @param listen Listens.
 * @param addrOf The address of what listens.
 * @returns What `listen` gave, and the descriptor; `undefined` if another thread has taken the
 * number meant for it.
 */
export function listenAt<L>(
  listen: () => L,
  addrOf: (listener: L) => NetAddress,
): [listener: L, fd: number | undefined] {
  // Which number is free says more than the address: with `reusePort`, several have that.
  const probe = socket(AF_INET, SOCK_STREAM);
  close(probe);
  const listener = listen();
  const addr = addrOf(listener);
  for (let fd = probe; fd < probe + gap; fd++) {
    if (listensOn(fd, addr)) return [listener, fd];
  }
  return [listener, undefined];
}
