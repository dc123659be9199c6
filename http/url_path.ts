/** Paths as they are in URLs: escaped, and not always clean. */

/** What a request's URL says about where it goes. */
export interface Target {
  /** The host, with the port if the URL has one. */
  readonly host: string;
  /** The path, escaped, from its slash. */
  readonly path: string;
  /** The query with its question mark, or `""`. */
  readonly query: string;
}

/**
 * Cuts an absolute URL, as fast as can be and without changing it: `new URL` would clean the path.
 *
 * @param url The URL of a request.
 */
export function splitUrl(url: string): Target {
  const start = url.indexOf("//") + 2;
  let end = url.indexOf("#", start);
  if (end < 0) end = url.length;
  let query = url.indexOf("?", start);
  if (query < 0 || query > end) query = end;
  let path = url.indexOf("/", start);
  if (path < 0 || path > query) path = query;
  const user = url.lastIndexOf("@", path - 1);
  return {
    host: url.slice(user < start ? start : user + 1, path),
    // RFC 9110 section 4.2.3: an empty path is the same as a slash.
    path: path === query ? "/" : url.slice(path, query),
    query: url.slice(query, end),
  };
}

/**
 * The path without empty segments, `.` and `..`; a slash at its end stays. As Go's `path.Clean`.
 *
 * @param path A path that begins with a slash.
 */
export function cleanPath(path: string): string {
  if (!path.includes("//") && !path.includes("/.")) return path;
  const clean: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") clean.pop();
    else if (segment !== "" && segment !== ".") clean.push(segment);
  }
  return `/${clean.join("/")}${path.endsWith("/") && clean.length > 0 ? "/" : ""}`;
}

/**
 * A segment without its escapes; one that is not well-formed UTF-8 or has a stray percent sign
 * stays as it is.
 *
 * @param segment A segment of a path, or the rest of one.
 */
export function unescapeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// RFC 3986 section 3.3: what may stand in a path; a backslash, which browsers take for a slash,
// may not.
const notInPath = /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/g;
const notInQuery = /[^\x21-\x7e]+/g;

/**
 * A path and a query to redirect to: escaped where they must be, and else as they are.
 *
 * @param path A clean path: it cannot be taken for `//host`.
 * @param query The query with its question mark, or `""`.
 */
export function redirectTarget(path: string, query: string): string {
  return path.toWellFormed().replace(notInPath, encodeURIComponent) +
    query.toWellFormed().replace(notInQuery, encodeURIComponent);
}
