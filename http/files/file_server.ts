/** Serves files: a handler for a directory, and an answer with one file. */
import { fileURLToPath } from "node:url";
import { find, type Found, isMissing } from "./file_find.ts";
import { listingPage } from "./file_listing.ts";
import { fileNames } from "./file_path.ts";
import { fileResponse } from "./file_response.ts";
import { error, notFound, redirect } from "../routing/handlers.ts";
import { checkFieldValue } from "../headers.ts";
import { mediaType } from "./media_types.ts";
import { Response } from "../web/response.ts";
import { splitUrl } from "../url_path.ts";

/** How {@linkcode serveFile} answers. */
export interface ServeFileOptions {
  /** The value of the `Cache-Control` field; no such field by default. */
  cacheControl?: string;
  /** The value of the `Content-Type` field; by default, what the file's name ends in tells. */
  contentType?: string;
}

/** What {@linkcode fileServer} serves, and what it keeps to itself. */
export interface FileServerOptions {
  /** The value of the `Cache-Control` field of files; no such field by default. */
  cacheControl?: string;
  /** Whether a directory without an `index.html` is shown as a list of links; not by default. */
  listing?: boolean;
  /** Whether names that begin with a dot are served and listed; not by default. */
  dotfiles?: boolean;
  /** Whether symbolic links may lead out of the root; not by default. */
  followSymlinks?: boolean;
}

/**
 * Serves the files below a directory, to `GET` and `HEAD`. As Go's `http.FileServer`.
 *
 * - Conditions (`If-None-Match` and its like) and ranges, one or several, are honoured as RFC 9110
 *   sections 13 and 14 say. The entity tag is made of size and time; it is weak for a file that was
 *   changed within the last two seconds.
 * - A directory is answered with its `index.html`. A path is redirected to the one that a link from
 *   the page needs: `/dir` to `/dir/`, `/dir/index.html` to `/dir/`, `/file/` to `/file`.
 * - Nothing outside the root is served, whatever the path holds or a symbolic link points to; what
 *   is not a regular file is not opened. All of that is 404; a file that may not be read is 403.
 * - A file is read in chunks of 64 KiB as the client takes them. One that becomes shorter meanwhile
 *   fails the body, so that it does not look complete.
 *
 * The file is closed at the end of the body, or when it is cancelled. Needs `--allow-read` for the
 * root; without it, answers reject with `Deno.errors.NotCapable`.
 *
 * ```ts
 * import { fileServer, ServeMux, stripPrefix } from "@plumb/plumb/http";
 *
 * const files = fileServer("./public", { cacheControl: "max-age=60" });
 * const mux = new ServeMux();
 * mux.handle("/static/", stripPrefix("/static/", files));
 * ```
 *
 * @param root The directory: a path, or a `file:` URL. A relative path is seen from the present
 * directory of each time it is used.
 * @param options What is served.
 * @returns A handler that needs no more than the request.
 * @throws {TypeError} The root is empty or a URL of another kind, or `cacheControl` is no field value.
 */
export function fileServer(
  root: string | URL,
  options: FileServerOptions = {},
): (request: Request) => Promise<Response> {
  const path = filePath(root);
  checkCacheControl(options.cacheControl);
  return (request) => answer(request, () => serveTree(request, path, options));
}

/**
 * Answers a `GET` or `HEAD` request with one file, whatever its URL says; conditions and ranges are
 * honoured. What is missing or not a regular file is 404. As Go's `http.ServeFile`, except that the
 * path is used as it is: do not make it of what a client sent, that is the work of
 * {@linkcode fileServer}.
 *
 * The file is closed at the end of the body, or when it is cancelled. Needs `--allow-read` for the
 * path.
 *
 * ```ts
 * import { serveFile } from "@plumb/plumb/http";
 *
 * const path = await Deno.makeTempFile({ suffix: ".txt" });
 * await Deno.writeTextFile(path, "hello");
 * const response = await serveFile(new Request("http://localhost/"), path);
 * console.log(await response.text()); // hello
 * await Deno.remove(path);
 * ```
 *
 * @param request The request.
 * @param path The file: a path, or a `file:` URL. Symbolic links are followed.
 * @param options Fields of the answer.
 * @throws {TypeError} The path is empty or a URL of another kind, or an option is no field value.
 * @throws {Deno.errors.NotCapable} `--allow-read` is missing.
 */
export async function serveFile(
  request: Request,
  path: string | URL,
  options: ServeFileOptions = {},
): Promise<Response> {
  const { cacheControl, contentType } = options;
  const name = filePath(path);
  checkCacheControl(cacheControl);
  if (contentType !== undefined) checkFieldValue("content-type", contentType);
  return await answer(request, async () => {
    const found = await find(name);
    if (found.kind !== "file") return notFound();
    const type = contentType ?? mediaType(name);
    return await fileResponse(request, found.file, found.info, { type, cacheControl });
  });
}

/** Refuses other methods, and answers for files that may not be read. */
async function answer(request: Request, serve: () => Promise<Response>): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    const response = error(`${request.method} is not allowed here`, 405);
    response.headers.set("allow", "GET, HEAD");
    return response;
  }
  try {
    return await serve();
  } catch (failure) {
    if (isMissing(failure)) return notFound(); // since it was found, or the root itself
    if (failure instanceof Deno.errors.PermissionDenied) return error("forbidden", 403);
    throw failure;
  }
}

async function serveTree(
  request: Request,
  root: string,
  { cacheControl, listing = false, dotfiles = false, followSymlinks = false }: FileServerOptions,
): Promise<Response> {
  const { path, query } = splitUrl(request.url);
  const names = fileNames(path, dotfiles);
  if (names === undefined) return notFound();
  // Asked each time: a deployment may point the root elsewhere.
  const real = followSymlinks ? undefined : await Deno.realPath(root);
  const last = names.at(-1) ?? "";
  const slash = path.endsWith("/");
  let found = await find([real ?? root, ...names].join("/"), real);
  if (found.kind === "directory") {
    if (!slash) return redirect(`./${encodeURIComponent(last)}/${query}`, 301);
    const directory = found.path;
    found = await find(`${directory}/index.html`, real);
    if (found.kind !== "file" && listing) return await list(directory, real, dotfiles);
    return await send(request, found, "index.html", cacheControl);
  }
  if (found.kind === "file" && (slash || last === "index.html")) {
    found.file.close();
    if (names.length === 0) return notFound(); // the root itself is a file
    return redirect(slash ? `../${encodeURIComponent(last)}${query}` : `./${query}`, 301);
  }
  return await send(request, found, last, cacheControl);
}

async function send(
  request: Request,
  found: Found,
  name: string,
  cacheControl: string | undefined,
): Promise<Response> {
  if (found.kind !== "file") return notFound();
  return await fileResponse(request, found.file, found.info, {
    type: mediaType(name),
    cacheControl,
  });
}

async function list(
  path: string,
  root: string | undefined,
  dotfiles: boolean,
): Promise<Response> {
  const page = await listingPage(path, root, dotfiles);
  if (page === undefined) return notFound();
  return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function filePath(path: string | URL): string {
  if (path instanceof URL) {
    if (path.protocol === "file:") return fileURLToPath(path);
    throw new TypeError(`path must be a file: URL, got ${JSON.stringify(path.href)}`);
  }
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    const shown = typeof path === "string" ? JSON.stringify(path) : String(path);
    throw new TypeError(`path must be a path, not empty and without NUL, got ${shown}`);
  }
  return path;
}

function checkCacheControl(value: string | undefined): void {
  if (value !== undefined) checkFieldValue("cache-control", value);
}
