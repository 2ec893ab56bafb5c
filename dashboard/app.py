"""Entry of every run: the sign-in gate, then the pages that the role may open."""

from __future__ import annotations

import streamlit as st

from dashboard import address, browser, i18n, live, notices, process, registry, shell, sign_in
from dashboard.monitoring import wall
from dashboard.people import set_password

_ = i18n.gettext


def denied() -> None:
    """Shown in place of a page that the role may not open."""
    st.error(_("Your role in this course does not allow this page."))


def main() -> None:
    """Choose between the sign-in form and the pages."""
    with shell.looking_once():
        _choose()


def _choose() -> None:
    person = shell.find_once()
    if person is None:
        _gate()
        return
    st.session_state["language"] = person.language or process.settings().language
    visit = _choose_course()
    walled = wall.is_up()
    page = st.navigation([*_pages(visit), _set_password()], position="hidden" if walled else "sidebar")
    if not walled:
        _sidebar(visit)
    live.end_with_session(visit.person.id)
    notices.follow(visit)
    _run(page)


def _gate() -> None:
    """The sign-in form at every address, so that a link still leads where it should afterwards."""
    st.session_state.setdefault("language", process.settings().language)
    title = _("Sign in")
    gate = [st.Page(sign_in.show, title=title, url_path=screen.path) for screen in registry.SCREENS]
    start = st.Page(sign_in.show, title=title, default=True)
    _run(st.navigation([start, *gate, _set_password()], position="hidden"))


def _pages(visit: shell.Visit) -> list[st.Page]:
    """Every screen: those that the role may open, the others with a word in their place."""
    is_admin = visit.person.is_admin
    role = visit.role.value if visit.role else ("admin" if is_admin else "none")
    allowed = [
        screen
        for screen in registry.SCREENS
        if role in screen.roles or (is_admin and "admin" in screen.roles)
    ]
    pages = [
        st.Page(
            screen.file,
            title=_(screen.title),
            url_path=screen.path,
            visibility="visible" if screen.listed else "hidden",
        )
        for screen in allowed
    ]
    hidden = [
        st.Page(denied, title=_(screen.title), url_path=screen.path, visibility="hidden")
        for screen in registry.SCREENS
        if screen not in allowed
    ]

    def go_to_first() -> None:
        """`/` leads to the first page; each page keeps its own path, so that links to it hold."""
        st.switch_page(pages[0])

    return [st.Page(go_to_first, title="ULOS", default=True, visibility="hidden"), *pages, *hidden]


def _set_password() -> st.Page:
    return st.Page(
        set_password.show, title=_("Set a password"), url_path=registry.LINK_SCREEN, visibility="hidden"
    )


def _run(page: st.Page) -> None:
    """Name the screen in the browser's tab, say its language, draw it."""
    st.set_page_config(
        page_title=f"{page.title} · ULOS" if page.title != "ULOS" else "ULOS",
        initial_sidebar_state="collapsed" if wall.is_up() else "auto",
    )
    browser.speak(i18n.language())
    page.run()


def _choose_course() -> shell.Visit:
    visit = shell.enter()
    if "next-course" in st.session_state:  # a course just made is the one to go on with
        st.session_state["course"] = st.session_state.pop("next-course")
    if wall.is_up():  # the sidebar with its list is not there: the address names the course
        named = st.query_params.get(wall.COURSE, "")
        st.session_state["course"] = int(named) if named.isdecimal() else None
        return shell.enter()
    if len(visit.courses) > 1:
        names = {course.id: course.name for course in visit.courses}
        address.take_course(visit.ctx, visit.actor, names)
        st.sidebar.selectbox(_("Course"), list(names), format_func=names.__getitem__, key="course")
        address.put("course", str(st.session_state["course"]))
        return shell.enter()
    return visit


def _sidebar(visit: shell.Visit) -> None:
    with st.sidebar:
        st.caption(i18n.plain(visit.person.full_name or visit.person.email))
        if visit.course is not None:
            st.caption(i18n.plain(visit.course.name))
        if st.button(_("Sign out"), key="sign-out", width="stretch"):
            browser.post("/session/end", {})


if __name__ == "__main__":
    st.set_page_config(page_title="ULOS", page_icon="🖨️", layout="wide")
    main()
