/** An open file as the answer to a request: whole, in part, or not at all. */
import { checkConditions, fileValidators, rangeAllowed } from "./conditional.ts";
import { chunkSize, fileStream, readRange } from "./file_body.ts";
import { error } from "../routing/handlers.ts";
import { type ByteRange, contentRange, multipart, parseRange } from "./ranges.ts";
import { Response } from "../web/response.ts";

/** What the answer says of the file. */
export interface FileMeta {
  /** The media type. */
  readonly type: string;
  /** The value of `Cache-Control`; no such field if `undefined`. */
  readonly cacheControl: string | undefined;
}

/**
 * Answers a `GET` or `HEAD` request with a file, after its conditions and ranges.
 *
 * @param request The request.
 * @param file The file; it is closed when the answer, or its body, is done with it.
 * @param info What the open file is.
 * @param meta What to say of it.
 */
export async function fileResponse(
  request: Request,
  file: Deno.FsFile,
  info: Deno.FileInfo,
  meta: FileMeta,
): Promise<Response> {
  using scope = new DisposableStack();
  scope.use(file);
  const { size } = info;
  const validators = fileValidators(size, info.mtime, Date.now());
  const headers: Record<string, string> = { "accept-ranges": "bytes" };
  if (meta.cacheControl !== undefined) headers["cache-control"] = meta.cacheControl;
  if (validators.etag !== undefined) headers.etag = validators.etag;
  if (validators.lastModified !== undefined) {
    headers["last-modified"] = new Date(validators.lastModified).toUTCString();
  }

  const verdict = checkConditions(request.headers, validators);
  if (verdict === 304) return new Response(null, { status: 304, headers });
  if (verdict === 412) return error("the file is not the one that was meant", 412);

  const ranges = wantedRanges(request, size, () => rangeAllowed(request.headers, validators));
  if (ranges?.length === 0) {
    const response = error(`no part of the ${size} bytes was asked for`, 416);
    response.headers.set("content-range", contentRange(undefined, size));
    return response;
  }
  headers["content-type"] = meta.type;
  if (ranges !== undefined && ranges.length > 1) {
    const { type, pieces, length } = multipart(ranges, size, meta.type);
    headers["content-type"] = type;
    headers["content-length"] = String(length);
    const response = new Response(fileStream(file, pieces), { status: 206, headers });
    scope.move();
    return response;
  }

  const range = ranges?.[0] ?? { start: 0, end: size };
  const length = range.end - range.start;
  const status = ranges === undefined ? 200 : 206;
  if (status === 206) headers["content-range"] = contentRange(range, size);
  headers["content-length"] = String(length);
  if (request.method === "HEAD") return new Response(null, { status, headers });
  if (length <= chunkSize) return new Response(await readRange(file, range), { status, headers });
  const response = new Response(fileStream(file, [range]), { status, headers });
  scope.move();
  return response;
}

/** The ranges to send; `undefined` for the whole, without a look at `If-Range` if none is named. */
function wantedRanges(
  request: Request,
  size: number,
  allowed: () => boolean,
): ByteRange[] | undefined {
  // RFC 9110 section 14.2: the field means nothing but to GET.
  const field = request.method === "GET" ? request.headers.get("range") : null;
  return field !== null && allowed() ? parseRange(field, size) : undefined;
}
