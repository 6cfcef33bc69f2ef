/* The buttons, the slider and the keys, and how they look at a step. */

const el = (id) => document.getElementById(id);

export function createControls(act) {
  const buttons = {
    "phase-forward": act.forward, "phase-backward": act.backward, first: act.first, previous: act.previous, next: act.next,
    last: act.last, play: act.play, "open-all": act.openAll, "close-all": act.closeAll, fit: act.fit, natural: act.natural,
    "zoom-in": act.zoomIn, "zoom-out": act.zoomOut,
  };
  for (const [id, action] of Object.entries(buttons)) el(id).addEventListener("click", action);
  el("slider").addEventListener("input", () => act.to(Number(el("slider").value)));
  el("speed").addEventListener("change", act.faster);
  el("group").addEventListener("change", act.regroup);

  const keys = {
    ArrowRight: act.next, ArrowLeft: act.previous, Home: act.first, End: act.last, f: act.forward, b: act.backward,
    o: act.openAll, c: act.closeAll, "+": act.zoomIn, "-": act.zoomOut, 0: act.fit, 1: act.natural,
  };
  const arrows = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || target.tagName === "SELECT" || target.type === "text") return;
    let action = null;
    if (event.shiftKey && Object.hasOwn(arrows, key)) action = () => act.pan(...arrows[key]);
    else if (key === " " && !["BUTTON", "SUMMARY"].includes(target.tagName) && target.type !== "checkbox") action = act.play;
    else if (Object.hasOwn(keys, key) && !(target.type === "range" && key.length > 1)) action = keys[key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  function paint({ at, steps, forward, playing }) {
    el("slider").max = String(steps);
    el("slider").value = String(at);
    el("slider").setAttribute("aria-valuetext", `step ${at} of ${steps}`);
    el("count").textContent = `${at} of ${steps}`;
    el("phase-forward").setAttribute("aria-pressed", String(forward));
    el("phase-backward").setAttribute("aria-pressed", String(!forward));
    el("legend").hidden = el("zeros-line").hidden = forward;
    el("play").setAttribute("aria-pressed", String(playing));
    el("play").textContent = playing ? "Pause" : "Play";
    for (const [id, off] of [["first", !at], ["previous", !at], ["next", at === steps], ["last", at === steps]]) {
      el(id).setAttribute("aria-disabled", String(off));
    }
  }

  return { paint };
}
