/* Going from step to step, by hand and by itself. */

const AFTER = { forward: "backward", backward: "update", update: "forward" };

/* `state` holds the phase, the step and whether the cycle plays. `story` and `step` say what there is, `adds` whether a
   step adds anything, `asks` whether it waits for an answer, `busy` whether numbers are on their way. */
export function createWalk(state, player, { story, step, adds, skips, asks, busy, leave, descend, paint }) {
  function go(at) {
    leave();
    state.at = Math.max(0, Math.min(story().length, at));
    paint();
  }

  function stop() {
    state.cycle = false;
    player.stop();
  }

  /* On by one step, or past those that add nothing. */
  function move(by) {
    const empty = (at) => skips() && at > 0 && at < story().length && !adds(story()[at - 1]);
    let at = state.at + by;
    while (empty(at)) at += by;
    go(at);
  }

  /* The last step that is as asked. */
  function goTo(holds) {
    stop();
    const found = story().findLastIndex(holds);
    if (found >= 0) go(found + 1);
  }

  function phase(which) {
    stop();
    state.phase = which;
    go(0);
  }

  function play() {
    if (!player.playing() && state.at === story().length) state.at = 0;
    state.cycle = false;
    player.toggle();
  }

  /* Forward, backward and update over and over. */
  function turnAround() {
    const on = !state.cycle;
    stop();
    state.cycle = on;
    if (on) player.toggle();
    else paint(false);
  }

  function tick() {
    if (busy()) return;
    const last = state.at === story().length;
    if (asks(step()) || (last && !state.cycle)) stop();
    else if (!last) move(1);
    else if (state.phase === "update" && !descend()) stop();
    else {
      state.phase = AFTER[state.phase];
      go(0);
    }
    if (!state.cycle && state.at === story().length) stop();
    if (!player.playing()) paint();
  }

  const by = (act) => (...given) => { stop(); act(...given); };
  return {
    go, goTo, stop, phase, play, turnAround, tick, first: by(() => go(0)), last: by(() => go(story().length)), to: by(go),
    next: by(() => move(1)), previous: by(() => move(-1)),
  };
}
