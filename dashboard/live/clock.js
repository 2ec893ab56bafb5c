// “label 12 s”, counting on from the moment it was drawn. Says a span as the server does.

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]
const clocks = new Map() // parentElement → { data, drawnAt, timer }

export default function ({ data, parentElement }) {
  clearInterval(clocks.get(parentElement)?.timer)
  const clock = { data, drawnAt: performance.now() }
  const text = parentElement.querySelector(".clock")
  const tick = () => {
    const seconds = data.seconds + (performance.now() - clock.drawnAt) / 1_000
    text.textContent = `${data.label} ${spell(seconds, data.language)}`
  }
  clock.timer = setInterval(tick, 1_000)
  clocks.set(parentElement, clock)
  tick()
  return () => {
    clearInterval(clocks.get(parentElement)?.timer)
    clocks.delete(parentElement)
  }
}

function spell(seconds, language) {
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const [unit, length] = UNITS.find(([, length]) => seconds / length >= 1.5)
  const format = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 }
  return new Intl.NumberFormat(language, format).format(Math.round(seconds / length))
}
