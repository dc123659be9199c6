/** The `Date` field (RFC 9110 section 6.6.1), made anew once a second. */

let second = -1;
let text = "";

/** Looks at the clock: once for all that is answered in one go. */
export function refreshDate(): void {
  const now = Math.floor(Date.now() / 1000);
  if (now === second) return;
  second = now;
  text = new Date(now * 1000).toUTCString();
}

/** The time of the last look, as an HTTP date (RFC 9110 section 5.6.7). */
export function httpDate(): string {
  return text;
}

refreshDate();
