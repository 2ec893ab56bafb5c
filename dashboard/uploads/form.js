// Sends the chosen file as the body of a request and shows how far it is.

const forms = new Map() // parentElement → form

export default function ({ data, parentElement, setTriggerValue }) {
  let form = forms.get(parentElement)
  if (!form) {
    form = prepare(parentElement)
    forms.set(parentElement, form)
  }
  const renewed = form.data && form.data.submit_key !== data.submit_key
  Object.assign(form, { data, trigger: setTriggerValue })
  write(form)
  if (renewed) {
    form.input.value = ""
    say(form, {})
    settle(form)
  }
  return () => forms.delete(parentElement) // what is being sent goes on
}

function prepare(parentElement) {
  const find = (selector) => parentElement.querySelector(selector)
  const form = {
    element: find("form"),
    label: find("label"),
    input: find("input"),
    choose: find(".choose"),
    hint: find("#hint"),
    progress: find(".progress"),
    meter: find("progress"),
    done: find("#done"),
    send: find(".send"),
    stop: find(".stop"),
    problem: find(".problem"),
    said: find(".said"),
    request: null,
    refused: false,
  }
  form.input.onchange = () => check(form)
  form.element.onsubmit = (event) => {
    event.preventDefault()
    if (!form.send.disabled) send(form, form.input.files[0])
  }
  form.stop.onclick = () => form.request?.abort()
  return form
}

// What the server would refuse after the whole file has come is refused before it is sent.
async function check(form) {
  const file = form.input.files[0]
  form.refused = Boolean(file) // until the check is over
  settle(form)
  const problem = file ? await problemOf(form.data, file) : ""
  if (file !== form.input.files[0]) return // another one was chosen meanwhile
  form.refused = Boolean(problem)
  say(form, { problem })
  settle(form)
  if (file && !problem && sendsAtOnce(form)) send(form, file)
}

async function problemOf({ accept, labels, limit_bytes }, file) {
  if (file.size > limit_bytes) return labels.too_large
  const zipOnly = accept.split(",")[0] === ".zip"
  if (!zipOnly || file.size === 0) return ""
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer())
  return start[0] === 0x50 && start[1] === 0x4b ? "" : labels.no_zip // every ZIP begins with PK
}

// A form without a button has nothing to be asked before its file is sent.
function sendsAtOnce({ data }) {
  return !data.labels.send
}

function write(form) {
  const { labels } = form.data
  form.input.accept = form.data.accept
  form.label.textContent = labels.file
  form.choose.textContent = labels.choose
  form.send.textContent = labels.send
  form.stop.textContent = labels.stop
  form.element.hidden = false // until its labels are there it is hidden
  settle(form)
}

function settle(form) {
  const file = form.input.files[0]
  form.hint.textContent = file?.name ?? form.data.labels.hint
  form.send.hidden = sendsAtOnce(form)
  form.send.disabled = Boolean(form.request) || !file || form.refused
  form.input.disabled = Boolean(form.request)
  form.stop.hidden = form.progress.hidden = !form.request
}

function say(form, { problem = "", said = "" }) {
  form.problem.textContent = problem
  form.said.textContent = said
}

function send(form, file) {
  const { data } = form
  const request = (form.request = new XMLHttpRequest())
  request.open("POST", data.url)
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream")
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name))
  request.setRequestHeader("X-Submit-Key", keyOf(data.submit_key, file))
  request.upload.onprogress = ({ loaded }) => show(form, loaded, file.size)
  request.upload.onload = () => show(form, file.size, file.size)
  request.onload = () => finish(form, request)
  request.onerror = () => finish(form, null, { problem: form.data.labels.broken })
  request.onabort = () => finish(form, null, { said: form.data.labels.stopped })
  addEventListener("beforeunload", warn)
  say(form, {})
  settle(form)
  show(form, 0, file.size)
  request.send(file)
}

function show({ data: { labels, language }, meter, done, stop }, loaded, size) {
  const whole = loaded >= size
  if (whole) meter.removeAttribute("value")
  else meter.value = loaded / size
  const share = new Intl.NumberFormat(language, { style: "percent" }).format(loaded / size)
  done.textContent = whole ? labels.checking : `${labels.sending} ${share}`
  stop.hidden = whole // from here on it may have been accepted
}

function finish(form, request, words) {
  removeEventListener("beforeunload", warn)
  form.request = null
  const answer = request && read(request)
  const labels = form.data.labels
  if (request && request.status === 201) {
    form.trigger("accepted", answer)
    words = { said: `${labels.accepted}: ${answer.reference ?? answer.file_name}` }
    form.input.value = ""
  } else if (request) {
    words = { problem: answer?.detail ?? labels.failed }
  }
  if (sendsAtOnce(form)) form.input.value = "" // so that choosing the same file again is a choice
  say(form, words)
  settle(form)
}

function read(request) {
  try {
    return JSON.parse(request.responseText)
  } catch {
    return null
  }
}

function warn(event) {
  event.preventDefault()
}

// The same file sent again from the same form is the same submission; another file is another one.
function keyOf(formKey, { name, size, lastModified }) {
  let hash = 0
  for (const character of name) hash = (Math.imul(hash, 31) + character.codePointAt(0)) >>> 0
  return [formKey, size, lastModified, hash].map((part) => part.toString(36)).join("-")
}
