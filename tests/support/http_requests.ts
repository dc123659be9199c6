/** Requests for the fuzzer: good ones, and what damage makes of them. */

/** Random numbers that come again with the same seed (mulberry32). */
export class Random {
  #state: number;

  /** @param seed Where to begin. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, and without, `n`. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * n);
  }

  /** One of a list. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const targets = ["/", "/a/b?c=d", "//x", "http://b:80/y", "http://b", "/%2e%2e"];
const extras = [
  "",
  "X: 1\r\n",
  "x-y:\t2 \r\nX: \xe9\r\n",
  "Connection: keep-alive\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  `Cookie: ${"c".repeat(200)}\r\n`,
];

function goodRequest(random: Random): string {
  const extra = random.of(extras) + random.of(extras.slice(0, 4));
  const body = random.of(["", "hello", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "x"]);
  const target = random.of(targets);
  const line = (method: string) => `${method} ${target} HTTP/1.1\r\nHost: a\r\n${extra}`;
  switch (random.below(8)) {
    case 0:
      return `${line("HEAD")}\r\n`;
    case 1:
      return `OPTIONS * HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;
    case 2:
      return `GET /old HTTP/1.0\r\n${random.of(["", "Connection: keep-alive\r\n"])}\r\n`;
    case 3:
    case 4:
      return `${line("POST")}Content-Length: ${body.length}\r\n\r\n${body}`;
    case 5:
    case 6: {
      const cut = random.below(body.length);
      const chunks = [body.slice(0, cut), body.slice(cut)].filter((chunk) => chunk !== "");
      const coded = chunks.map((chunk) => {
        const size = chunk.length.toString(16).padStart(1 + random.below(3), "0");
        return `${size}${random.of(["", "", ";a=b"])}\r\n${chunk}\r\n`;
      });
      const end = `0\r\n${random.of(["", "", "T: 1\r\n"])}\r\n`;
      return `${line("PUT")}Transfer-Encoding: chunked\r\n\r\n${coded.join("")}${end}`;
    }
    default:
      return `${line("GET")}\r\n`;
  }
}

const pieces = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  " ",
  "\t",
  "\0",
  "\x0b",
  "\x80",
  ":",
  ",",
  ";",
  "0",
  "1",
  "f",
  "-",
  "+",
  " \r\n",
  "\r\n ",
  "chunked",
  ", chunked",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "Host: b\r\n",
  "Host: a\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "content-length: 4\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip\r\n",
  "transfer-encoding: \x0bchunked\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "Expect: more\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

/** Damages a text in one of many ways. */
export function damaged(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + 1 + random.below(random.of([2, 8, 40])));
  const [before, part, after] = [text.slice(0, at), text.slice(at, to), text.slice(to)];
  switch (random.below(9)) {
    case 0: { // one bit
      const code = text.charCodeAt(at) ^ (1 << random.below(8));
      return at === text.length ? text : before + String.fromCharCode(code) + text.slice(at + 1);
    }
    case 1:
      return before + after;
    case 2:
      return before + part + part + after;
    case 3: // a part of it elsewhere
      return before + text.slice(random.below(text.length)).slice(0, 30) + after;
    case 4:
      return before + random.of(pieces) + part + after;
    case 5:
      return before + random.of(pieces) + after;
    case 6: { // another line end
      const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index);
      if (ends.length === 0) return text;
      const end = random.of(ends);
      return text.slice(0, end) + random.of(pieces) + text.slice(end + random.below(3));
    }
    case 7: { // another digit
      const digits = [...text.matchAll(/\d/g)].map(({ index }) => index);
      if (digits.length === 0) return text;
      const digit = random.of(digits);
      return text.slice(0, digit) + random.of([..."0123456789af"]) + text.slice(digit + 1);
    }
    default:
      return random.below(4) === 0 ? before : before + part.toUpperCase() + after;
  }
}

/** Pipelined requests, good ones or nearly. */
export function nearlyRequests(random: Random): string {
  let text = "";
  for (let n = 1 + random.below(4); n > 0; n--) text += goodRequest(random);
  for (let n = random.below(4); n > 0; n--) text = damaged(text, random);
  return text;
}
