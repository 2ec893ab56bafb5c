// Runs before Streamlit's client, on every page.
{
  const root = document.documentElement
  const { hosts, path } = root.dataset

  const SKIP = { es: "Saltar al contenido", en: "Skip to the content" }
  const UNKNOWN_HOST = {
    es: (seen) => `El tablero se abrió como ${location.origin}, pero el proxy lo llama ${seen}. ` +
      `Quien administra debe configurar ULOS_PUBLIC_URL=${location.origin}, o hacer que el proxy conserve el encabezado Host.`,
    en: (seen) => `The dashboard was opened as ${location.origin}, but the proxy calls it ${seen}. ` +
      `Its administrator should set ULOS_PUBLIC_URL=${location.origin}, or let the proxy keep the Host header.`,
  }
  const UNDER_A_PATH = {
    es: () => `El tablero no funciona bajo una ruta como ${location.pathname}. ` +
      "Quien administra debe darle un nombre de host propio, por ejemplo https://ulos.example.",
    en: () => `The dashboard does not work under a path such as ${location.pathname}. ` +
      "Its administrator should give it a host name of its own, such as https://ulos.example.",
  }

  // Without it the client looks for its server below the path of the page first, which is an error in the
  // browser's console on every deep link.
  window.__streamlit = { BACKEND_BASE_URL: location.origin }

  // The language of the page may turn out to be another one than the installation's (dashboard/browser.py).
  window.ulosSpeak = (language) => {
    root.lang = language
    const skip = document.getElementById("skip")
    if (skip) skip.textContent = SKIP[language]
  }

  // A proxy that changes Host or path would let the page load and then refuse every click of it.
  const wrong = !hosts.split(" ").includes(location.host)
    ? UNKNOWN_HOST
    : location.pathname !== path ? UNDER_A_PATH : null
  if (wrong) {
    window.stop()
    const body = document.createElement("body")
    body.textContent = (wrong[root.lang] ?? wrong.es)(hosts.split(" ")[0])
    document.body?.remove()
    root.append(body)
  }

  // The first stop of the tab key leads past the menu (WCAG 2.4.1).
  const prepareSkip = () => {
    const skip = document.createElement("a")
    skip.id = "skip"
    skip.href = "#skip"
    skip.addEventListener("click", (event) => {
      event.preventDefault()
      const main = document.querySelector("[data-testid=stMain]")
      if (main) {
        main.tabIndex = -1
        main.focus()
      }
    })
    document.body.prepend(skip)
    window.ulosSpeak(root.lang)
  }

  // Text that scrolls within its frame, such as a log, can be scrolled by keyboard (WCAG 2.1.1):
  // Streamlit's code blocks take no focus.
  let due
  const reach = () => {
    due = undefined
    for (const text of document.querySelectorAll("[data-testid=stCode] pre")) {
      const scrolls = text.scrollHeight > text.clientHeight || text.scrollWidth > text.clientWidth
      if (scrolls) text.tabIndex = 0
      else text.removeAttribute("tabindex")
    }
  }
  if (!wrong) {
    document.addEventListener("DOMContentLoaded", prepareSkip)
    new MutationObserver(() => (due ??= requestAnimationFrame(reach)))
      .observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["open"] })
  }
}
