// “label 12 s”, counting on from the moment it was drawn. Says a span as the server does.

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
]
const clocks = new Map() // parentElement → { data, drawnAt, timer }

export default function ({ data, parentElement }) {
  clearInterval(clocks.get(parentElement)?.timer)
  const clock = { data, drawnAt: performance.now() }
  const text = parentElement.querySelector(".clock")
  const tick = () => {
    const seconds = data.seconds + (performance.now() - clock.drawnAt) / 1_000
    text.textContent = `${data.label} ${spell(seconds)}`
  }
  clock.timer = setInterval(tick, 1_000)
  clocks.set(parentElement, clock)
  tick()
  return () => {
    clearInterval(clocks.get(parentElement)?.timer)
    clocks.delete(parentElement)
  }
}

function spell(seconds) {
  let left = Math.floor(seconds)
  const parts = []
  for (const [unit, length] of UNITS) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count || parts.length) parts.push(count ? `${count} ${unit}` : "")
  }
  return parts.slice(0, 2).filter(Boolean).join(" ") || "0 s"
}
