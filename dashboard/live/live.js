// One socket per tab tells the mounted views that what they show has changed; each then asks the
// page, once, to draw that part again. It asks again if no drawing follows.

const SILENCE_MS = 50_000 // the server speaks at least every 20 s
const LOST_MS = 2_000
const AGAIN_MS = 10_000
const POLL_MS = 30_000
const LONGEST_PAUSE_MS = 15_000
const BUSY_MS = 150
const LONGEST_BUSY_MS = 10_000
const EMPTY_MS = 1_500
const CLICK_MS = 2_000
const PAGE_LINKS = "a[data-testid=stSidebarNavLink], a[data-testid=stPageLink-NavLink]"
const SESSION_ENDED = 4401

const views = new Map() // parentElement → view
const pages = new Map() // parentElement → trigger that draws the whole page
let socket = null
let news = { seed: null, versions: {} }
let failures = 0
let lostSince = null
let lastAskedAt = -Infinity
let ended = false
let way = null // { path, until }: what a click may have asked for and the page does not know of yet
let pauseTimer, silenceTimer, pollTimer, lostTimer, closeTimer, emptyTimer

export default function ({ data, parentElement, setTriggerValue }) {
  if (data.whole) {
    pages.set(parentElement, setTriggerValue)
    return () => pages.delete(parentElement)
  }
  let view = views.get(parentElement)
  if (!view) {
    view = { asked: 0, askedAt: -Infinity }
    views.set(parentElement, view)
    prepare(view, parentElement)
  }
  if (view.data?.seen.number !== data.seen.number || view.data?.seen.seed !== data.seen.seed) {
    view.asked = 0 // it was drawn since
  }
  Object.assign(view, { data, trigger: setTriggerValue, paused: isPaused(data) })
  begin()
  follow()
  look(view)
  return () => {
    clearTimeout(view.timer)
    views.delete(parentElement)
    follow()
    clearTimeout(closeTimer)
    closeTimer = setTimeout(endIfUnused, 1_000) // another page may mount its own at once
  }
}

// ---- the socket

function begin() {
  clearTimeout(closeTimer)
  if (socket || ended || pauseTimer) return
  lostSince ??= Date.now()
  socket = new WebSocket(new URL("/live", location.href.replace(/^http/, "ws")))
  socket.onopen = () => {
    follow()
    listen()
  }
  socket.onmessage = (message) => {
    failures = 0
    lostSince = null
    news = JSON.parse(message.data)
    listen()
    views.forEach(look)
  }
  socket.onclose = lose
  lostTimer ??= setTimeout(() => views.forEach(show), LOST_MS)
  pollTimer ??= setTimeout(poll, around(POLL_MS))
}

function follow() {
  if (socket?.readyState !== WebSocket.OPEN || !views.size) return
  const all = [...views.values()]
  const topics = new Set(all.flatMap((view) => view.data.topics))
  const wanted = JSON.stringify({ person: all[0].data.person, follow: [...topics].sort() })
  if (socket.wanted === wanted) return
  socket.wanted = wanted
  socket.send(wanted)
}

function listen() {
  clearTimeout(silenceTimer)
  silenceTimer = setTimeout(() => socket?.close(), SILENCE_MS)
}

function lose({ code }) {
  socket = null
  clearTimeout(silenceTimer)
  if (code === SESSION_ENDED) return leave()
  if (!views.size) return
  lostSince ??= Date.now()
  clearTimeout(lostTimer)
  lostTimer = setTimeout(() => views.forEach(show), LOST_MS)
  const pause = around(Math.min(500 * 2 ** failures++, LONGEST_PAUSE_MS))
  pauseTimer = setTimeout(retry, pause)
}

function retry() {
  clearTimeout(pauseTimer)
  pauseTimer = undefined
  if (views.size) begin()
}

function endIfUnused() {
  if (views.size) return
  socket?.close()
  for (const timer of [pauseTimer, silenceTimer, pollTimer, lostTimer]) clearTimeout(timer)
  pauseTimer = silenceTimer = pollTimer = lostTimer = undefined
}

function leave() {
  ended = true
  drawWhole()
  setTimeout(() => views.size && location.reload(), 3_000)
}

function poll() {
  pollTimer = setTimeout(poll, around(POLL_MS))
  if (!isLost() || !navigator.onLine) return
  for (const view of views.values()) {
    if (view.data.topics.length && !view.paused && !document.hidden) view.trigger("changed", Date.now())
  }
}

document.addEventListener("visibilitychange", () => document.hidden || views.forEach(look))
addEventListener("online", retry)

// ---- a view

function look(view) {
  show(view)
  clearTimeout(view.timer)
  if (!isStale(view) || view.paused || document.hidden || ended) return
  if (isBusy(view) || Date.now() - lastAskedAt < BUSY_MS) {
    view.timer = setTimeout(() => look(view), BUSY_MS)
    return
  }
  const gap = view.asked ? AGAIN_MS * 2 ** Math.min(view.asked - 1, 4) : view.data.gap * 1_000
  const wait = view.askedAt + gap - Date.now()
  if (wait > 0) {
    view.timer = setTimeout(() => look(view), wait)
    return
  }
  view.asked += 1
  view.askedAt = lastAskedAt = Date.now()
  ask(view)
  view.timer = setTimeout(() => look(view), AGAIN_MS * 2 ** Math.min(view.asked - 1, 4))
}

// A part that the server does not know any more, after a restart or a long sleep of the computer,
// is not drawn by asking for it: then the whole page is.
function ask(view) {
  const restarted = news.seed !== view.data.seen.seed
  if (restarted || view.asked > 1) drawWhole()
  else view.trigger("changed", view.askedAt)
}

function drawWhole() {
  const [whole] = pages.values()
  whole?.("needed", Date.now())
}

// What a click has asked for is drawn first: a part that asks meanwhile does so in the name of the
// page that is being left, and the server then empties the new one. Parts ask one after the other: of
// two that ask in the same moment, one may be forgotten.
function isBusy(view) {
  if (isOnTheWay() || isPressing()) return true
  if (!isRunning()) {
    view.busySince = undefined
    return false
  }
  view.busySince ??= Date.now()
  return Date.now() - view.busySince < LONGEST_BUSY_MS
}

function isRunning() {
  const state = document.querySelector("[data-test-script-state]")?.dataset.testScriptState
  return Boolean(state) && state !== "notRunning"
}

// A click on a link is over once its page is there; any other, and going back, once something runs.
function isOnTheWay() {
  if (way && (Date.now() > way.until || way.path === location.pathname)) way = null
  return way !== null
}

function depart(event) {
  const link = event.target.closest?.(PAGE_LINKS)
  const leaves = link && link.pathname !== location.pathname && !event.ctrlKey && !event.metaKey
  if (leaves) way = { path: link.pathname, until: Date.now() + LONGEST_BUSY_MS }
  else if (!way?.path) way = { until: Date.now() + CLICK_MS }
}

addEventListener("click", depart, true)
addEventListener("popstate", () => (way = { until: Date.now() + CLICK_MS }), true)
new MutationObserver(() => {
  clearTimeout(emptyTimer)
  if (!isRunning()) emptyTimer = setTimeout(mend, EMPTY_MS)
  else if (!way?.path) way = null
}).observe(document.documentElement, { subtree: true, attributeFilter: ["data-test-script-state"] })

// No page is without a word: one that is was emptied.
function mend() {
  const main = document.querySelector("[data-testid=stMain]")
  if (main && !main.innerText.trim() && !isRunning()) drawWhole()
}

function isStale({ data }) {
  if (!news.seed) return false
  if (news.seed !== data.seen.seed) return true
  return data.topics.some((topic) => (news.versions[topic] ?? 0) > data.seen.number)
}

function isLost() {
  return lostSince !== null && Date.now() - lostSince >= LOST_MS
}

function show(view) {
  const { labels, pausable } = view.data
  view.bar.hidden = !labels
  if (!labels) return
  const state = isLost() ? "lost" : !view.paused ? "live" : isStale(view) ? "news" : "paused"
  if (view.bar.dataset.state !== state) {
    view.bar.dataset.state = state
    view.status.textContent = labels[state]
  }
  view.button.hidden = !pausable
  view.button.textContent = view.paused ? labels.resume : labels.pause
}

function prepare(view, parentElement) {
  view.bar = parentElement.querySelector(".bar")
  view.status = parentElement.querySelector("[role=status]")
  view.button = parentElement.querySelector("button")
  view.button.onclick = () => {
    way = null // this click asks the page for nothing
    view.paused = !view.paused
    sessionStorage.setItem(pauseKey(view.data), view.paused ? "yes" : "")
    look(view)
  }
}

function isPaused(data) {
  return data.pausable && sessionStorage.getItem(pauseKey(data)) === "yes"
}

const pauseKey = (data) => `ulos-paused:${location.pathname}:${data.key}`
const around = (milliseconds) => milliseconds * (0.5 + Math.random())
