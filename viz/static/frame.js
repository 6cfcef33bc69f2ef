/* Around a page in a notebook: its frame gets the height that it asks for, and the page the theme of the notebook. */
function fitFrame(frame) {
  const theme = () => {
    const { dataset, classList } = document.body;
    const kind = dataset.jpThemeLight ?? dataset.vscodeThemeKind ?? classList.value;
    if (kind === "true" || /vscode-(high-contrast-)?light/.test(kind)) return "light";
    return kind === "false" || /vscode-(dark|high-contrast)/.test(kind) ? "dark" : "";
  };
  const tell = () => { if (theme() && frame.contentWindow) frame.contentWindow.postMessage({ theme: theme() }, "*"); };
  const listen = (event) => {
    if (event.source !== frame.contentWindow || !event.data || !(event.data.height > 0)) return;
    /* The picture is for where there are no scripts, and would show under a frame lower than it is. */
    for (const picture of frame.parentElement.querySelectorAll("img")) picture.style.display = "none";
    if (frame.dataset.fixed === undefined) frame.style.height = `${Math.min(event.data.height, 2000)}px`;
    tell();
  };
  const watch = new MutationObserver(tell);
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind", "class"] });
  addEventListener("message", listen);
  frame.addEventListener("load", tell);
  return () => {
    removeEventListener("message", listen);
    watch.disconnect();
  };
}
