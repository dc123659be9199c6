/** What tests of a whole server share. */
import { deadline } from "@std/async";
import type { Handler, HandlerInfo } from "../../../http/handler.ts";
import type { ServerOptions } from "../../../http/server/server_options.ts";
import { type Address, ClosedError, type Conn, type Listener, pipe } from "../../../net/mod.ts";
import { bytes, Wire } from "../../support/wire.ts";

/** A request without a body. */
export const get = (path = "/", more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

/** Answers at once. */
export const hello: Handler = () => new Response("hello");

/** Long enough that only something that would never end is caught by it. */
export const within = <T>(promise: Promise<T>): Promise<T> => deadline(promise, 5_000);

/** Sends a request on a connection of its own, and reads up to the end. */
export async function ask(conn: Conn): Promise<string> {
  await conn.write(bytes(get("/", "Connection: close\r\n")));
  const text = await new Response(conn.readable).text();
  conn.close();
  return text;
}

/** Gives what it is told to give. */
export class FakeListener implements Listener {
  readonly addr: Address;
  closed = false;
  readonly #waiting: PromiseWithResolvers<Conn>[] = [];
  readonly #given: (Conn | Error)[];

  constructor(...given: (Conn | Error)[]) {
    this.addr = pipe()[0].localAddr;
    this.#given = given;
  }

  /** Gives it to who waits, or to the next who comes. */
  give(what: Conn | Error): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#given.push(what);
    else if (what instanceof Error) first.reject(what);
    else first.resolve(what);
  }

  accept(): Promise<Conn> {
    const deferred = Promise.withResolvers<Conn>();
    this.#waiting.push(deferred);
    if (this.closed) this.#end();
    else if (this.#given.length > 0) this.give(this.#given.shift()!);
    return deferred.promise;
  }

  close(): void {
    this.closed = true;
    if (this.#waiting.length > 0) this.#end();
  }

  #end(): void {
    this.give(new ClosedError({ op: "accept", network: "unix", addr: "pipe" }));
  }

  setDeadline(): void {}
  ref(): void {}
  unref(): void {}
  async *[Symbol.asyncIterator]() {}
  [Symbol.dispose](): void {}
}

/** A connection with a request that is answered when told to. */
export async function active(options: Partial<ServerOptions> = {}) {
  const asked = Promise.withResolvers<HandlerInfo>();
  const answer = Promise.withResolvers<Response>();
  const wire = await Wire.open({
    handler: (_, info) => {
      asked.resolve(info);
      return answer.promise;
    },
    ...options,
  });
  await wire.send(get());
  return { wire, info: await asked.promise, answer };
}
