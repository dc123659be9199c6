/**
 * Lets the process end although connections wait for what their idle peers may say: a little after
 * they have become idle, since to say so each time costs as much as a part of a request.
 */

/** A connection that may be idle. */
export interface Parkable {
  /** Keeps its read from keeping the process alive, if it is idle. */
  park(): void;
}

/** How long an idle connection may keep the process alive, in ms. */
const grace = 5;

const recent = new Set<Parkable>();
let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * Parks a connection soon, unless it is busy by then.
 *
 * @param conn The connection; it may have been named before.
 */
export function parkSoon(conn: Parkable): void {
  recent.add(conn);
  timer ??= setTimeout(park, grace);
}

/**
 * Forgets a connection, which is closed.
 *
 * @param conn The connection.
 */
export function parkNever(conn: Parkable): void {
  if (!recent.delete(conn) || recent.size > 0) return;
  clearTimeout(timer);
  timer = undefined;
}

function park(): void {
  timer = undefined;
  for (const conn of recent) conn.park();
  recent.clear();
}
