/** UDP over `node:dgram`, which needs no flag. */
import { createSocket, type Socket } from "node:dgram";
import { netAddress } from "../address.ts";
import type { Address, NetAddress, Packet } from "../conn.ts";
import { type DatagramPort, hostFor, type UdpPortOptions } from "./datagram.ts";

/** The longest interval a timer takes. */
const maxDelay = 2 ** 31 - 1;

/**
 * Messages that wait for a receive. `node:dgram` reads the socket at once whether anyone asks or
 * not, so the kernel's own bound never applies; this is ours.
 */
export class PacketQueue {
  /** How many bytes fit, each message counted with what it costs besides its own. */
  static readonly maxBytes = 4 * 1024 * 1024;
  static readonly messageCost = 256;

  #packets: Packet[] = [];
  #head = 0;
  #bytes = 0;

  /** Adds a message, or drops it when there is no room. */
  push(packet: Packet): void {
    const cost = packet[0].length + PacketQueue.messageCost;
    if (this.#bytes + cost > PacketQueue.maxBytes) return;
    this.#bytes += cost;
    this.#packets.push(packet);
  }

  /** Takes the oldest message. */
  shift(): Packet | undefined {
    if (this.#head === this.#packets.length) return undefined;
    const packet = this.#packets[this.#head++];
    this.#bytes -= packet[0].length + PacketQueue.messageCost;
    // Now and then, so that a long queue is not moved for each message taken from it.
    if (2 * this.#head >= this.#packets.length) {
      this.#packets.splice(0, this.#head);
      this.#head = 0;
    }
    return packet;
  }
}

/**
 * Opens an UDP port of `node:dgram`. Messages that arrive while nobody receives wait in memory,
 * up to 4 MiB; further ones are dropped, as the kernel drops them from a full socket.
 */
export function openNodeUdp(options: UdpPortOptions): DatagramPort {
  return new NodeUdpPort(options);
}

class NodeUdpPort implements DatagramPort {
  readonly addr: NetAddress;
  readonly #socket: Socket;
  readonly #queue = new PacketQueue();
  #error: Error | undefined;
  #receiver: PromiseWithResolvers<Packet> | undefined;
  #wantsRef = true;
  #hold: number | undefined;

  constructor({ hostname, port, reuseAddress, ipv6Only }: UdpPortOptions) {
    const family = hostname.includes(":") ? 6 : 4;
    const socket = createSocket({
      type: `udp${family}` as const,
      reuseAddr: reuseAddress,
      ipv6Only,
      // Hosts are IP addresses already: answering at once makes bind and send synchronous.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    this.#socket = socket;
    socket.on("error", (error) => this.#fail(error));
    socket.on("message", (data, from) => {
      this.#push([new Uint8Array(data), netAddress("udp", from.address, from.port)]);
    });
    // The runtime looks at this only when it begins to wait for a message: later is too late.
    socket.unref();
    try {
      socket.bind({ address: hostname, port, exclusive: true });
      // A bind that fails tells so by an event, but before it returns.
      if (this.#error !== undefined) throw this.#error;
      const bound = socket.address();
      this.addr = netAddress("udp", bound.address, bound.port);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  receive(): Promise<Packet> {
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    const packet = this.#queue.shift();
    if (packet !== undefined) return Promise.resolve(packet);
    this.#receiver = Promise.withResolvers();
    this.#syncRef();
    return this.#receiver.promise;
  }

  send(data: Uint8Array, addr: Address): Promise<number> {
    const { hostname, port } = addr as NetAddress;
    return new Promise((resolve, reject) => {
      this.#socket.send(data, port, hostFor(this.addr, hostname), (error, n) => {
        if (error) reject(error);
        else resolve(n);
      });
    });
  }

  close(): void {
    this.#socket.close();
    clearInterval(this.#hold);
    this.#receiver?.reject(new Deno.errors.Interrupted("the socket was closed"));
    this.#receiver = undefined;
  }

  ref(): void {
    this.#wantsRef = true;
    this.#syncRef();
  }

  unref(): void {
    this.#wantsRef = false;
    this.#syncRef();
  }

  /** The socket itself never holds the process: while someone receives, a timer does. */
  #syncRef(): void {
    if (this.#wantsRef && this.#receiver !== undefined) {
      if (this.#hold === undefined) {
        // node:dgram brings the types of Node along, whose timers are objects.
        this.#hold = setInterval(() => {}, maxDelay) as unknown as number;
      } else Deno.refTimer(this.#hold);
    } else if (this.#hold !== undefined) Deno.unrefTimer(this.#hold);
  }

  #push(packet: Packet): void {
    const receiver = this.#takeReceiver();
    if (receiver !== undefined) receiver.resolve(packet);
    else this.#queue.push(packet);
  }

  #fail(error: Error): void {
    const receiver = this.#takeReceiver();
    if (receiver !== undefined) receiver.reject(error);
    else this.#error = error;
  }

  #takeReceiver(): PromiseWithResolvers<Packet> | undefined {
    const receiver = this.#receiver;
    if (receiver === undefined) return undefined;
    this.#receiver = undefined;
    this.#syncRef();
    return receiver;
  }
}
