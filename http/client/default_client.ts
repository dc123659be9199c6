/** The client for those who need no other, and its methods as functions. */
import { Client, type ClientInit, type FormValues } from "./client.ts";
import type { Response } from "../web/response.ts";

/**
 * The client behind {@linkcode get}, {@linkcode head}, {@linkcode post} and {@linkcode postForm}:
 * one without limits of time, over `defaultTransport`. As Go's `http.DefaultClient`.
 *
 * ```ts
 * import { defaultClient } from "@plumb/plumb/http";
 *
 * await using server = Deno.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen() {} },
 *   () => new Response("hello"),
 * );
 * const response = await defaultClient.fetch(`http://127.0.0.1:${server.addr.port}/`);
 * console.log(await response.text()); // hello
 * defaultClient.closeIdleConnections();
 * ```
 */
export const defaultClient: Client = new Client();

/**
 * Gets a resource with {@linkcode defaultClient}. As Go's `http.Get`. Needs `--allow-net`.
 *
 * ```ts
 * import { defaultClient, get } from "@plumb/plumb/http";
 *
 * await using server = Deno.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen() {} },
 *   () => new Response("hello"),
 * );
 * await using response = await get(`http://127.0.0.1:${server.addr.port}/`, { timeout: 5_000 });
 * console.log(response.status, await response.text()); // 200 hello
 * defaultClient.closeIdleConnections(); // kept for a next request
 * ```
 *
 * @param url The absolute URL.
 * @param init Headers, limits and so on.
 * @returns The response, whatever its status, once its head is there.
 * @throws {HttpError} It failed.
 * @throws {TypeError} An argument is not valid.
 */
export function get(url: string | URL, init?: ClientInit): Promise<Response> {
  return defaultClient.get(url, init);
}

/**
 * Gets the head of a resource with {@linkcode defaultClient}. As Go's `http.Head`. Needs
 * `--allow-net`.
 *
 * ```ts
 * import { defaultClient, head } from "@plumb/plumb/http";
 *
 * await using server = Deno.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen() {} },
 *   () => new Response("hello"),
 * );
 * const response = await head(`http://127.0.0.1:${server.addr.port}/`);
 * console.log(response.headers.get("content-length")); // 5
 * defaultClient.closeIdleConnections(); // kept for a next request
 * ```
 *
 * @param url The absolute URL.
 * @param init Headers, limits and so on.
 * @returns The response, without a body.
 * @throws {HttpError} It failed.
 * @throws {TypeError} An argument is not valid.
 */
export function head(url: string | URL, init?: ClientInit): Promise<Response> {
  return defaultClient.head(url, init);
}

/**
 * Sends something with {@linkcode defaultClient}. As Go's `http.Post`. Needs `--allow-net`.
 *
 * ```ts
 * import { defaultClient, post } from "@plumb/plumb/http";
 *
 * await using server = Deno.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen() {} },
 *   async (request) => new Response(`got ${await request.text()}`),
 * );
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * await using response = await post(url, "application/json", "[1]");
 * console.log(await response.text()); // got [1]
 * defaultClient.closeIdleConnections(); // kept for a next request
 * ```
 *
 * @param url The absolute URL.
 * @param contentType What the body is.
 * @param body The body; `null` for none.
 * @param init Headers, limits and so on.
 * @returns The response, whatever its status, once its head is there.
 * @throws {HttpError} It failed.
 * @throws {TypeError} An argument is not valid.
 */
export function post(
  url: string | URL,
  contentType: string,
  body: BodyInit | null,
  init?: ClientInit,
): Promise<Response> {
  return defaultClient.post(url, contentType, body, init);
}

/**
 * Sends a form with {@linkcode defaultClient}. As Go's `http.PostForm`. Needs `--allow-net`.
 *
 * ```ts
 * import { defaultClient, postForm } from "@plumb/plumb/http";
 *
 * await using server = Deno.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen() {} },
 *   async (request) => new Response((await request.formData()).get("name")),
 * );
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * await using response = await postForm(url, { name: "Ada" });
 * console.log(await response.text()); // Ada
 * defaultClient.closeIdleConnections(); // kept for a next request
 * ```
 *
 * @param url The absolute URL.
 * @param data The fields of the form.
 * @param init Headers, limits and so on.
 * @returns The response, whatever its status, once its head is there.
 * @throws {HttpError} It failed.
 * @throws {TypeError} An argument is not valid.
 */
export function postForm(
  url: string | URL,
  data: FormValues,
  init?: ClientInit,
): Promise<Response> {
  return defaultClient.postForm(url, data, init);
}
