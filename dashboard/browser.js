// What the server asks of the browser itself.

let posted = null

export default function ({ data }) {
  if (data.language) window.ulosSpeak(data.language)
  if (data.reload && data.once !== posted) {
    posted = data.once
    location.reload()
  }
  if (data.path && data.once !== posted) {
    posted = data.once
    post(data.path, data.fields)
  }
}

function post(path, fields) {
  const form = document.createElement("form")
  form.method = "post"
  form.action = path
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input")
    field.type = "hidden"
    field.name = name
    field.value = value
    form.append(field)
  }
  document.body.append(form)
  form.submit()
}
