// What was under the pointer when it came down is what is pressed, although a part above it unfolded or
// it was drawn anew before the pointer went up. A browser then sends no click, or, after a tap, sends it
// to what has come under the finger. Loaded before live.js, which draws nothing while a press lasts.

const STEADY_PX = 8 // who moves further does not mean the button any more
const TAP_MS = 350 // after a tap the click comes later than the finger went up
const LONGEST_PRESS_MS = 2_000

let press = null // { name, x, y, since, isClicked }

// The key of the button at `element`, if it is the only one under this key.
function pressed(element) {
  const keyed = element.closest?.("button")?.closest("[class*='st-key-']")
  const name = [...(keyed?.classList ?? [])].find((one) => one.startsWith("st-key-"))
  return name && keyed.querySelectorAll("button").length === 1 ? name : null
}

function isPressing() {
  return press !== null && Date.now() - press.since < LONGEST_PRESS_MS
}

addEventListener(
  "pointerdown",
  ({ target, clientX: x, clientY: y, button }) => {
    const name = button === 0 ? pressed(target) : null
    press = name && { name, x, y, since: Date.now(), isClicked: false }
  },
  true,
)
addEventListener("pointercancel", () => (press = null), true)
addEventListener(
  "pointerup",
  ({ clientX, clientY, pointerType }) => {
    const ended = press
    if (!ended) return
    const isSteady = Math.hypot(clientX - ended.x, clientY - ended.y) <= STEADY_PX
    const complete = () => {
      if (press === ended) press = null
      if (!ended.isClicked && isSteady) document.querySelector(`.${CSS.escape(ended.name)} button`)?.click()
    }
    setTimeout(complete, pointerType === "mouse" ? 0 : TAP_MS)
  },
  true,
)
addEventListener(
  "click",
  (event) => {
    if (!press) return
    if (pressed(event.target) === press.name) {
      press.isClicked = true
    } else if (event.isTrusted && event.detail > 0) {
      event.stopImmediatePropagation()
      event.preventDefault()
    }
  },
  true,
)
