// Follows one lab's events. A message is {id, at, percent, step, message, state, reachability, open_url, can_open, can_stop, correlation_id}.
// A lost connection is told and tried again: by the browser itself, which asks for what it missed, and where the browser gives up (an
// answer that is no stream) from here, at longer and longer distances. It ends when `stop` is called, when the lab is over, or when
// the hub says that there is nothing to follow (204).
const LAST = new Set(["stopped", "ended"]);
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;
const BLINK = 4_000; // A hub ends long streams now and then; a browser is back in this time, and nobody needs to read of it.
const SETTLED = 3_000; // From here on a page that says otherwise than the hub is worth drawing anew.

async function nothingToFollow(url) {
  const abort = new AbortController();
  try {
    const answer = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: abort.signal });
    return answer.status === 204;
  } catch {
    return false;
  } finally {
    abort.abort(); // A stream has no end.
  }
}

/**
 * Calls `onMessage(message)` for each event, `onConnection(alive)` when the connection is lost or back, and `onGone()` when there is
 * nothing to follow, though the page says so. Returns a function that ends it.
 */
export function follow(url, { onMessage, onConnection = () => {}, onGone = () => {} }) {
  let source = null;
  let timer = 0;
  let blink = 0;
  let wait = FIRST_WAIT;
  let alive = true;
  let followed = false;
  let over = false;

  const tell = (now) => {
    clearTimeout(blink);
    if (now !== alive) onConnection(now);
    alive = now;
  };
  const stop = () => {
    over = true;
    clearTimeout(timer);
    clearTimeout(blink);
    source?.close();
  };
  const receive = (event) => {
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return; // Not ours.
    }
    followed = true;
    tell(true);
    onMessage(message);
    if (LAST.has(message.state)) stop();
  };
  const fail = async () => {
    if (over) return;
    if (source.readyState !== EventSource.CLOSED) {
      // The browser tries again.
      clearTimeout(blink);
      blink = setTimeout(tell, BLINK, false);
      return;
    }
    const gone = await nothingToFollow(url);
    if (over) return;
    tell(gone);
    if (gone && (followed || performance.now() > SETTLED)) {
      stop();
      onGone();
      return;
    }
    timer = setTimeout(connect, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  const connect = () => {
    source = new EventSource(url);
    source.addEventListener("open", () => {
      wait = FIRST_WAIT;
      tell(true);
    });
    source.addEventListener("message", receive);
    source.addEventListener("error", fail);
  };
  connect();
  return stop;
}
