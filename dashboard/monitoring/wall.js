// What the wall of the lab shows. Everything comes as text and is put in as text.

const ticking = new Map() // parentElement → timer

export default function ({ data, parentElement, setTriggerValue }) {
  const wall = parentElement.querySelector(".wall")
  const drawnAt = performance.now()
  const oldest = make("p", "oldest")
  const leave = wall.querySelector("button") // kept: a button that is replaced during a press gets no click
  leave.textContent = data.leave
  leave.onclick = () => setTriggerValue("left", true)
  wall.querySelectorAll(":scope > :not(button)").forEach((drawn) => drawn.remove())
  leave.before(
    place(data.place),
    sentence(data.sentence, data.tone),
    counts(data.counts),
    oldest,
    parts(data.parts),
  )
  const tick = () => {
    const seconds = data.oldest.seconds + (performance.now() - drawnAt) / 1_000
    oldest.textContent = `${data.oldest.label} ${spell(seconds)}`
  }
  stop(parentElement)
  if (data.oldest.seconds === null) oldest.remove()
  else {
    ticking.set(parentElement, setInterval(tick, 1_000))
    tick()
  }
  return () => stop(parentElement)
}

function stop(parentElement) {
  clearInterval(ticking.get(parentElement))
  ticking.delete(parentElement)
}

function place(words) {
  const line = make("p", "place")
  line.append(...words.map((word) => make("span", "", word)))
  return line
}

function sentence(text, tone) {
  const said = make("h1", "sentence", text)
  said.dataset.tone = tone
  return said
}

function counts(numbers) {
  const list = make("dl", "counts")
  for (const { label, value } of numbers) {
    const one = make("div")
    one.append(make("dt", "", label), make("dd", "", value))
    list.append(one)
  }
  return list
}

function parts(sections) {
  const all = make("div", "parts")
  for (const { title, lines } of sections) {
    const section = make("section")
    const list = make("ul")
    for (const { text, bad } of lines) {
      const item = make("li", "", text)
      if (bad) item.dataset.bad = ""
      list.append(item)
    }
    section.append(make("h2", "", title), list)
    all.append(section)
  }
  return all
}

function make(name, className = "", text = "") {
  const element = document.createElement(name)
  if (className) element.className = className
  element.textContent = text
  return element
}

// Two units: on a wall nobody asks again.
function spell(seconds) {
  const sizes = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]]
  const first = Math.max(0, sizes.findIndex(([, size]) => seconds >= size))
  let left = Math.floor(seconds)
  const parts = sizes.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return count ? `${count} ${unit}` : ""
  })
  return parts.filter(Boolean).join(" ") || "0 s"
}
