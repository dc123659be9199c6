/**
 * What a strict server makes of a whole text: by patterns, where the server itself goes byte by
 * byte, so that the two are not wrong in the same way.
 */

/** A request, as the reference understands it. */
export interface Understood {
  readonly method: string;
  readonly url: string;
  /** `undefined` where the answer does not depend on it. */
  readonly body: string | undefined;
}

/** What a text means. */
export interface Meaning {
  /** The requests to be answered. */
  readonly requests: readonly Understood[];
  /**
   * What comes behind them: nothing (`"end"`), one refusal (`"refused"`), or something that is cut
   * or wrong, so that there may be a refusal (`"broken"`).
   */
  readonly ending: "end" | "refused" | "broken";
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const fieldLine = `${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n`;
const headPattern = new RegExp(
  `^(?:\\r\\n)?(${token}) ([\\x21\\x22\\x24-\\x7e]+) HTTP/1\\.(\\d)\\r\\n((?:${fieldLine})*)\\r\\n`,
);
const chunkPattern = /^([0-9a-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*(?<![; \t]))?\r\n/i;
const trailerPattern = new RegExp(`^((?:${fieldLine})*)\\r\\n`);
const hostPattern = /^(?:\[[\da-f:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[\da-f]{2})+)(?::\d*)?$/i;
const forbiddenTrailer = new RegExp(
  "^(authorization|cache-control|connection|content-(encoding|language|length|location|range|type)" +
    "|cookie|expect|forwarded|host|if-.*|keep-alive|location|max-forwards|pragma" +
    "|proxy-(authenticate|authorization|connection)|range|set-cookie|te|trailer" +
    "|transfer-encoding|upgrade|www-authenticate)$",
  "i",
);

const isHost = (text: string) => hostPattern.test(text) && URL.canParse(`http://${text}/`);

/** Without the blanks around it, which are fewer than JavaScript's. */
const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** The fields of a block: name in lower case, value without the blanks around it. */
function fieldsOf(block: string): [string, string][] {
  return block.split("\r\n").slice(0, -1).map((line) => {
    const colon = line.indexOf(":");
    return [
      line.slice(0, colon).toLowerCase(),
      trimmed(line.slice(colon + 1)),
    ];
  });
}

/** A chunked body at the beginning of a text, and how long it is; `null` if it is cut or wrong. */
export function chunkedBody(text: string): { body: string; length: number } | null {
  let body = "";
  for (let at = 0;;) {
    const size = chunkPattern.exec(text.slice(at));
    if (size === null) return null;
    at += size[0].length;
    const length = parseInt(size[1], 16);
    if (length === 0) {
      const trailers = trailerPattern.exec(text.slice(at));
      if (trailers === null) return null;
      if (fieldsOf(trailers[1]).some(([name]) => forbiddenTrailer.test(name))) return null;
      return { body, length: at + trailers[0].length };
    }
    if (text.slice(at + length, at + length + 2) !== "\r\n") return null;
    body += text.slice(at, at + length);
    at += length + 2;
  }
}

/** The URL of a request; `null` if the target is none for the method, or the host is none. */
function urlOf(method: string, target: string, host: string | undefined): string | null {
  if (host !== undefined && host !== "" && !isHost(host)) return null;
  if (method === "CONNECT") {
    return isHost(target) && /:\d+$/.test(target) ? `http://${target}/` : null;
  }
  if (target[0] === "/") return `http://${host || "localhost"}${target}`;
  if (target === "*") return method === "OPTIONS" ? "*" : null;
  const url = /^https?:\/\/([^/?]*)/i.exec(target);
  if (url === null || !isHost(url[1])) return null;
  const path = target.slice(url[0].length);
  // RFC 9110 section 4.2.3: an empty path is the same as a slash.
  return url[0] + (path[0] === "/" ? path : `/${path}`);
}

/**
 * What a strict server makes of a text (RFC 9112), at whose end the client says no more.
 *
 * @param text The text, each character one byte; too short for any limit.
 * @param reads Whether the handler reads bodies: if not, it answers before their end is known.
 */
export function meaningOf(text: string, reads: boolean): Meaning {
  const requests: Understood[] = [];
  const ends = (ending: Meaning["ending"]): Meaning => ({ requests, ending });
  for (let at = 0; at < text.length;) {
    const head = headPattern.exec(text.slice(at));
    // An empty line and no more is the beginning of a request that never comes.
    if (head === null) return ends("broken");
    at += head[0].length;
    const [, method, target, minor, block] = head;
    const fields = fieldsOf(block);
    const all = (name: string) => fields.filter((field) => field[0] === name).map(([, v]) => v);
    const old = minor === "0";

    const hosts = all("host");
    if (hosts.length > 1 || (hosts.length === 0 && !old)) return ends("refused");
    const url = urlOf(method, target, hosts[0]);
    if (url === null) return ends("refused");

    const codings = all("transfer-encoding");
    const lengths = all("content-length");
    if (codings.length > 0) {
      const fine = codings.length === 1 && codings[0].toLowerCase() === "chunked";
      if (!fine || old || lengths.length > 0) return ends("refused");
    } else if (lengths.length > 0) {
      const fine = lengths.length === 1 && /^\d+$/.test(lengths[0]);
      if (!fine || Number(lengths[0]) > Number.MAX_SAFE_INTEGER) return ends("refused");
    }
    const expect = old ? "" : all("expect").join(", ").toLowerCase();
    if (expect !== "" && expect !== "100-continue") return ends("refused");
    if (!old && all("expect").length > 0 && expect === "") return ends("refused");

    const length = Number(lengths[0] ?? 0);
    const found = codings.length > 0
      ? chunkedBody(text.slice(at))
      : at + length <= text.length
      ? { body: text.slice(at, at + length), length }
      : null;
    const read = reads && url !== "*";
    if (read && found === null) return ends("broken");
    requests.push({ method, url, body: read ? found!.body : undefined });
    // Nobody has asked for the body: what follows may be that, or may not.
    const unasked = expect !== "" && !read && (codings.length > 0 || length > 0);
    const options = all("connection").join(",").toLowerCase().split(",").map(trimmed);
    const close = options.includes("close") || (old && !options.includes("keep-alive"));
    if (close || unasked) return ends("end");
    if (found === null) return ends("broken");
    at += found.length;
  }
  return ends("end");
}
