const recompute = %%RECOMPUTE%%;
const live = %%LIVE%%;
(function () {
  "use strict";

  const el = (id) => document.getElementById(id);

  const { shown, isOne, plain } = numbers;

  const inParentheses = (x) => (shown(x).startsWith("-") ? "(" + shown(x) + ")" : shown(x));

  function read(text) {
    const trace = JSON.parse(text);
    if (trace === null || typeof trace !== "object" || trace.version !== 1) {
      throw new Error("this page reads traces of version 1");
    }
    const { nodes, forward, backward, boxes } = trace;
    const list = (x) => Array.isArray(x);
    const place = (x) => Number.isInteger(x) && x >= 0 && x < nodes.length;
    const strings = (node) => ["name", "label", "scope", "formula"].every((key) => typeof node[key] === "string");
    if (!list(nodes) || !nodes.length || !list(forward) || !list(backward) || !backward.length) {
      throw new Error("the trace lacks its nodes or steps");
    }
    nodes.forEach((node, i) => {
      const whole = node && strings(node) && isOne(node.data) && list(node.inputs) && list(node.partials) &&
        list(node.rules) && typeof node.settled === "boolean" && place(node.box) && node.inputs.every((j) => place(j) && j < i) && node.partials.every(isOne) &&
        node.partials.length === node.inputs.length && node.rules.length === node.inputs.length &&
        node.rules.every((rule) => typeof rule === "string");
      if (!whole) throw new Error("node " + i + " of the trace is not as it should be");
    });
    if (!forward.every(place)) throw new Error("a forward step of the trace is of no node");
    backward.forEach((step, i) => {
      const numbers = ["contribution", "before", "after"].every((key) => step && isOne(step[key]));
      const seed = step && step.node === null;
      const edge = seed || (numbers && place(step.node) && nodes[step.node].inputs[step.position] === step.input &&
        isOne(step.upstream) && isOne(step.local));
      if (!numbers || !place(step.input) || !edge || seed !== (i === 0)) {
        throw new Error("backward step " + (i + 1) + " of the trace is not as it should be");
      }
    });
    const box = (one) => one && typeof one.scope === "string" && (one.node === null || place(one.node));
    if (boxes !== null && (typeof boxes !== "object" || !Object.values(boxes).every(box))) {
      throw new Error("a box of the trace is not as it should be");
    }
    nodes.forEach((node) => {
      node.data = plain(node.data);
      node.partials = node.partials.map(plain);
    });
    backward.forEach((step) => {
      for (const key of ["upstream", "local", "contribution", "before", "after"]) {
        step[key] = step[key] === null ? null : plain(step[key]);
      }
    });
    return trace;
  }

  function start(trace) {
    const { nodes, forward, backward, boxes } = trace;
    const output = nodes.length - 1;
    const rank = new Map(forward.map((node, i) => [node, i + 1]));
    const drawn = nodes.map((_, i) => el("n" + i));
    const state = {
      phase: "backward", at: 0, timer: null, hidden: false, asked: new Set(), right: 0, changed: false,
    };
    const name = (i) => nodes[i].name;
    const d = (i) => "∂" + name(output) + "/∂" + name(i);
    /* Where each step ends among the events: after each of them, or, of a collapsed picture, after those of a box. */
    const ends = (owners) => owners.flatMap((owner, i) =>
      (boxes && i + 1 < owners.length && owners[i + 1] === owner ? [] : [i + 1]));
    const giver = (step) => nodes[step.node === null ? output : step.node].box;
    const stops = {
      forward: [0, ...ends(forward.map((i) => nodes[i].box))],
      backward: [0, ...ends(backward.map(giver))],
    };
    const steps = () => stops[state.phase].length - 1;
    const done = () => stops[state.phase][state.at];
    const title = (i) => (boxes && boxes[i] && boxes[i].scope) || name(i);
    const group = (node, position) => el("e" + node + "_" + position);

    const told = (i) => (boxes ? (boxes[i] ? boxes[i].node : null) : i);

    /* The last two lines of a node's box are its number and its gradient; they change, and so are to be centred. */
    const lines = drawn.map((box, i) => (box && told(i) !== null ? [...box.querySelectorAll("text")].slice(-2) : null));
    const fills = drawn.map((box) => box && box.querySelector("path").getAttribute("fill"));
    drawn.forEach((box, i) => {
      if (!lines[i]) return;
      /* From the outline's own numbers, for a frame that is not shown yet has no measures. */
      const across = box.querySelector("path").getAttribute("d").match(/-?[\d.]+/g).filter((_, k) => k % 2 === 0);
      const middle = (Math.min(...across) + Math.max(...across)) / 2;
      const texts = [...box.querySelectorAll("text")];
      if (!boxes && !nodes[i].label && texts.length === 3) {
        texts[0].textContent = name(i) + " " + texts[0].textContent;
        lines[i].push(texts[0]);
      }
      for (const text of lines[i]) {
        text.setAttribute("x", String(middle));
        text.setAttribute("text-anchor", "middle");
      }
    });
    const svg = document.querySelector("#picture svg");
    function fit() {
      const natural = svg.viewBox.baseVal.width * 4 / 3;
      const room = Math.max(el("picture").clientWidth - 8, 0);
      svg.setAttribute("width", String(natural > 1.6 * room ? natural : Math.min(natural, room)));
      svg.removeAttribute("height");
    }
    addEventListener("resize", fit);
    fit();

    function mark(element, kind, on) {
      if (element) element.classList.toggle(kind, on);
    }

    function paint() {
      const isForward = state.phase === "forward";
      const step = state.at > 0 && !isForward ? backward[done() - 1] : null;
      const current = state.at > 0 && isForward ? forward[done() - 1] : null;
      const gradients = new Map();
      const passed = new Set();
      if (!isForward) {
        backward.slice(0, done()).forEach((one) => {
          gradients.set(one.input, one.after);
          if (one.node !== null) passed.add(one.node + "_" + one.position);
        });
        if (step && state.hidden) gradients.delete(step.input);
      }
      const computed = (i) => !isForward || !rank.has(i) || rank.get(i) <= done();
      const sources = new Set(current === null ? [] : nodes[current].inputs.map((j) => nodes[j].box));
      if (step && step.node !== null && !boxes) sources.add(step.node);
      const at = step ? (boxes ? giver(step) : step.input) : current === null ? null : nodes[current].box;
      drawn.forEach((box, i) => {
        if (!box) return;
        const shownNode = told(i);
        if (lines[i]) {
          const [data, grad] = lines[i];
          data.textContent = "data " + (computed(shownNode) ? shown(nodes[shownNode].data) : "·");
          grad.textContent = "grad " + (gradients.has(shownNode) ? shown(gradients.get(shownNode)) : "·");
        }
        const known = shownNode === null ? gradients.has(i) : gradients.has(shownNode);
        box.querySelector("path").setAttribute("fill", known ? (state.changed ? "#eeeeee" : fills[i]) : "#ffffff");
        mark(box, "pending", isForward ? !computed(shownNode === null ? i : shownNode) : !known);
        mark(box, "active", i === at);
        mark(box, "source", i !== at && sources.has(i));
      });
      if (!boxes) {
        nodes.forEach((node, i) => node.inputs.forEach((_, k) => {
          const edge = group(i, k);
          mark(edge, "pending", !computed(i));
          mark(edge, "passed", passed.has(i + "_" + k));
          mark(edge, "active", step ? step.node === i && step.position === k : current === i);
        }));
      }
      if (boxes) tellBox(at, isForward, gradients, computed);
      else tell(step, current);
      const looked = at === null ? null : drawn[at];
      if (looked) {
        const box = looked.getBoundingClientRect();
        const frame = el("picture").getBoundingClientRect();
        if (box.left < frame.left) el("picture").scrollLeft -= frame.left - box.left + 40;
        if (box.right > frame.right) el("picture").scrollLeft += box.right - frame.right + 40;
        if (box.top < frame.top) el("picture").scrollTop -= frame.top - box.top + 20;
        if (box.bottom > frame.bottom) el("picture").scrollTop += box.bottom - frame.bottom + 20;
      }
      const end = state.at === steps();
      el("slider").max = String(steps());
      el("slider").value = String(state.at);
      el("slider").setAttribute("aria-valuetext", "step " + state.at + " of " + steps());
      el("count").textContent = state.at + " of " + steps();
      el("phase-forward").setAttribute("aria-pressed", String(isForward));
      el("phase-backward").setAttribute("aria-pressed", String(!isForward));
      el("play").setAttribute("aria-pressed", String(state.timer !== null));
      el("play").textContent = state.timer === null ? "Play" : "Pause";
      for (const [id, off] of [["first", !state.at], ["previous", !state.at], ["next", end], ["last", end]]) {
        el(id).setAttribute("aria-disabled", String(off));
      }
    }

    function say(symbols, rule, numbers, sum, words) {
      for (const [id, parts] of Object.entries({ symbols, rule, numbers, sum })) {
        el(id).replaceChildren(...[].concat(parts).map(typeset));
        el(id).hidden = el(id).previousElementSibling.hidden = !parts.length;
      }
      el("words").textContent = words;
    }

    /* Text as it is; a fraction with a bar, and still a line of text to be read out or copied. */
    function typeset(part) {
      if (typeof part === "string") return part;
      const [above, below] = part.over;
      const fraction = document.createElement("span");
      fraction.className = "fraction";
      for (const [kind, text] of [["above", above], ["slash", "/"], ["below", below]]) {
        fraction.append(Object.assign(document.createElement("span"), { className: kind, textContent: text }));
      }
      return fraction;
    }

    const over = (i, j) => ({ over: ["∂" + name(i), "∂" + name(j)] });

    /* A local derivative by its rule, which may be a number already. */
    function derivative(node, k) {
      const rule = nodes[node].rules[k];
      const number = shown(nodes[node].partials[k]);
      const of = over(node, nodes[node].inputs[k]);
      const holds = rule !== number && (!state.changed || nodes[node].settled);
      return [of, " = " + (holds ? rule + " = " + number : number)];
    }

    function tell(step, current) {
      const where = "Step " + state.at + " of " + steps() + ": ";
      el("quiz-line").hidden = state.phase === "forward";
      el("asked").hidden = !(state.hidden && step);
      el("adds-up").hidden = !step || state.hidden;
      if (current !== null) {
        const node = nodes[current];
        const made = node.name + " = " + node.formula;
        say(made, node.inputs.flatMap((j, k) => (nodes[j].constant ? [] : [...derivative(current, k), "   "])),
          node.name + " = " + shown(node.data), "", where + made + " gives " + shown(node.data) + ".");
      } else if (!step) {
        const leaves = nodes.filter((node) => !node.inputs.length && !node.constant).length;
        say("", "", "", "", state.phase === "forward" ?
          "Start of the forward pass: " + leaves + " inputs are given, " + forward.length + " operations to go." :
          "Start of the backward pass: all values are known, no gradient yet.");
      } else if (step.node === null) {
        say([over(output, output), " = 1"], "", [over(output, output), " = " + shown(step.after)], "0 → " + shown(step.after),
          where + "the seed, the derivative of " + name(output) + " by itself.");
        paths(output);
      } else {
        const product = shown(step.upstream) + " · " + inParentheses(step.local);
        const known = state.hidden ? "?" : shown(step.contribution);
        const after = state.hidden ? "?" : shown(step.after);
        say([over(output, step.input), " += ", over(output, step.node), " · ", over(step.node, step.input)],
          derivative(step.node, step.position),
          product + " = " + known,
          shown(step.before) + " + " + (state.hidden ? "?" : inParentheses(step.contribution)) + " = " + after,
          where + name(step.input) + " receives " + (state.hidden ? "a contribution" : shown(step.contribution)) +
          " from " + name(step.node) + " as argument " + (step.position + 1) +
          (state.hidden ? "; how much?" : "; its gradient goes from " + shown(step.before) + " to " + after + "."));
        if (!state.hidden) paths(step.input);
      }
    }

    /* What a box of a collapsed picture does at a step, and what is in it. */
    function tellBox(at, isForward, gradients, computed) {
      const before = state.at ? stops[state.phase][state.at - 1] : 0;
      const seeded = !isForward && before === 0 ? 1 : 0;
      const count = done() - before - seeded;
      const where = "Step " + state.at + " of " + steps() + ": ";
      el("quiz-line").hidden = true;
      el("inside").hidden = at === null;
      if (at === null) {
        say("", "", "", "", isForward ? "Start of the forward pass, by " + (steps() + " steps.") :
          "Start of the backward pass: all values are known, no gradient yet. Click a box to see what is inside.");
        return;
      }
      if (isForward) {
        say("", "", "", "", where + title(at) + " computes " + count + (count === 1 ? " operation." : " operations."));
      } else {
        const receivers = new Set(backward.slice(before + seeded, done()).map((step) => title(nodes[step.input].box)));
        const first = [...receivers].slice(0, 4).join(", ") + (receivers.size > 4 ? ", …" : "");
        say("", "", "", "", where + title(at) + " hands back " + count + (count === 1 ? " contribution" : " contributions") +
          (first ? ", to " + first : "") + ".");
      }
      members(at, gradients, computed);
    }

    function members(at, gradients, computed) {
      const most = 200;
      const inside = nodes.map((_, i) => i).filter((i) => nodes[i].box === at && !nodes[i].constant);
      const cell = (row, text) => row.append(Object.assign(document.createElement("td"), { textContent: text }));
      const rows = inside.slice(0, most).map((i) => {
        const row = document.createElement("tr");
        cell(row, name(i));
        cell(row, nodes[i].operation || "");
        cell(row, computed(i) ? shown(nodes[i].data) : "·");
        cell(row, gradients.has(i) ? shown(gradients.get(i)) : "·");
        return row;
      });
      el("inside-title").textContent = "Inside " + title(at) + ": " + inside.length + " nodes" +
        (inside.length > most ? ", the first " + most : "");
      el("members").replaceChildren(...rows);
    }

    /* Every way from the output down to a node, with the product of the local derivatives along it. */
    function paths(target) {
      const most = 24;
      const leads = nodes.map((_, i) => i === target);
      for (let i = target + 1; i < nodes.length; i += 1) leads[i] = nodes[i].inputs.some((j) => leads[j]);
      const found = [];
      const stack = [[output, [], []]];
      while (stack.length && found.length <= most) {
        const [at, symbols, factors] = stack.pop();
        if (at === target) found.push([symbols, factors]);
        const node = nodes[at];
        for (let k = node.inputs.length - 1; k >= 0; k -= 1) {
          const j = node.inputs[k];
          if (leads[j] && at !== target) {
            const local = "∂" + node.name + "/∂" + name(j);
            stack.push([j, [...symbols, local], [...factors, node.partials[k]]]);
          }
        }
      }
      const list = el("paths");
      list.replaceChildren();
      el("paths-sum").textContent = "";
      if (found.length > most) {
        el("paths-of").textContent = "More than " + most + " paths lead from " + name(output) + " to " + name(target) +
          ". Going backwards visits each edge once instead of each path.";
        return;
      }
      el("paths-of").textContent = d(target) + " is the sum over " +
        (found.length === 1 ? "one path" : found.length + " paths") + " from " + name(output) + " to " + name(target) + ".";
      let total = 0;
      for (const [symbols, factors] of found) {
        const product = factors.reduce((a, b) => a * b, 1);
        total += product;
        const item = document.createElement("li");
        item.textContent = symbols.length ? symbols.join(" · ") + " = " +
          factors.map((x, i) => (i ? inParentheses(x) : shown(x))).join(" · ") + " = " + shown(product) : "1";
        list.append(item);
      }
      const received = backward.filter((one) => one.input === target);
      const reached = backward.indexOf(received[received.length - 1]) < state.at;
      el("paths-sum").textContent = "They add up to " + shown(total) + (reached ?
        ", which is the gradient that the backward pass has accumulated." :
        "; the backward pass has " + shown(backward[state.at - 1].after) + " of it so far.");
    }

    function go(at) {
      state.at = Math.max(0, Math.min(steps(), at));
      const open = state.phase === "backward" && state.at > 1 && el("quiz").checked && !state.asked.has(state.at);
      state.hidden = open;
      el("guess").value = "";
      paint();
    }

    function phase(which) {
      stop();
      state.phase = which;
      ticks();
      go(0);
    }

    function ticks() {
      const seen = new Set();
      const marks = (state.phase === "forward" ? forward : backward.map((step) => step.node)).flatMap((node, i) => {
        if (boxes || node === null || seen.has(node)) return [];
        seen.add(node);
        const mark = document.createElement("option");
        mark.value = String(i + 1);
        mark.label = name(node);
        return [mark];
      });
      el("ticks").replaceChildren(...marks);
    }

    function stop() {
      if (state.timer !== null) clearInterval(state.timer);
      state.timer = null;
    }

    function play() {
      if (state.timer !== null) {
        stop();
        paint();
        return;
      }
      if (state.at === steps()) state.at = 0;
      state.timer = setInterval(() => {
        if (state.at === steps() || state.hidden) stop();
        else go(state.at + 1);
        if (state.at === steps()) stop();
        if (state.timer === null) paint();
      }, Number(el("speed").value));
      paint();
    }

    function answer(reveal) {
      const step = backward[state.at - 1];
      const given = el("guess").value.trim().replace(",", ".");
      const guess = Number(given);
      if (!reveal && (given === "" || Number.isNaN(guess))) {
        el("words").textContent = "Type a number, such as 0.5, or reveal the contribution.";
        return;
      }
      const right = !reveal && (guess === step.contribution ||
        Math.abs(guess - step.contribution) <= 0.01 * Math.abs(step.contribution));
      state.asked.add(state.at);
      state.right += right ? 1 : 0;
      state.hidden = false;
      el("score").textContent = "Score: " + state.right + " of " + state.asked.size;
      paint();
      if (!reveal) el("words").textContent = (right ? "Right. " : "Not quite. ") + el("words").textContent;
    }

    /* Both passes again for other inputs, along the same edges in the same order. */
    function rerun(data) {
      const partials = recompute(data);
      nodes.forEach((node, i) => {
        node.data = data[i];
        if (node.inputs.length) {
          node.partials = partials[i];
          node.inputs.forEach((_, k) => {
            const label = group(i, k) && group(i, k).querySelector("text");
            if (label) label.textContent = shown(node.partials[k]);
          });
        }
      });
      const gradients = new Map([[output, backward[0].after]]);
      backward.slice(1).forEach((step) => {
        const known = gradients.has(step.input);
        step.upstream = gradients.get(step.node);
        step.local = nodes[step.node].partials[step.position];
        step.contribution = step.upstream * step.local;
        step.before = known ? gradients.get(step.input) : 0;
        step.after = known ? step.before + step.contribution : step.contribution;
        gradients.set(step.input, step.after);
      });
    }

    /* In a live notebook the engine runs both passes and sends its trace; elsewhere the page does. */
    function change(data) {
      if (live) {
        nodes.forEach((node, i) => { node.data = data[i]; });
        parent.postMessage({ numbers: data }, "*");
        return;
      }
      rerun(data);
      go(state.at);
    }

    addEventListener("message", (event) => {
      if (!live || event.source !== parent || !event.data || typeof event.data.trace !== "string") return;
      const fresh = read(event.data.trace);
      nodes.forEach((node, i) => {
        Object.assign(node, fresh.nodes[i]);
        node.partials.forEach((local, k) => {
          const label = group(i, k) && group(i, k).querySelector("text");
          if (label) label.textContent = shown(local);
        });
      });
      backward.forEach((step, i) => Object.assign(step, fresh.backward[i]));
      go(state.at);
    });

    function offerInputs() {
      const given = nodes.map((node) => node.data);
      const leaves = nodes.map((_, i) => i).filter((i) => nodes[i].operation === null && !nodes[i].constant);
      const boxes = leaves.map((i) => {
        const x = given[i];
        const reach = Math.max(1, 2 * Math.abs(x));
        const label = document.createElement("label");
        label.textContent = name(i);
        label.htmlFor = "leaf-" + i;
        const range = Object.assign(document.createElement("input"), {
          type: "range", min: String(x - reach), max: String(x + reach), step: "any", value: String(x),
        });
        range.setAttribute("aria-label", name(i) + ", as a slider");
        const box = Object.assign(document.createElement("input"), {
          type: "number", step: "any", id: "leaf-" + i, value: String(x),
        });
        const take = (from, to) => from.addEventListener("input", () => {
          const number = from.valueAsNumber;
          if (!Number.isFinite(number)) return;
          to.value = String(number);
          const data = nodes.map((node) => node.data);
          data[i] = number;
          stop();
          state.changed = true;
          change(data);
        });
        take(range, box);
        take(box, range);
        el("leaves").append(label, range, box);
        return [range, box, x];
      });
      el("restore").addEventListener("click", () => {
        for (const [range, box, x] of boxes) range.value = box.value = String(x);
        state.changed = false;
        change([...given]);
      });
      el("inputs").hidden = !boxes.length || given.some((x, i) => leaves.includes(i) && !Number.isFinite(x));
    }

    const click = (id, action) => el(id).addEventListener("click", action);
    click("phase-forward", () => phase("forward"));
    click("phase-backward", () => phase("backward"));
    click("first", () => { stop(); go(0); });
    click("previous", () => { stop(); go(state.at - 1); });
    click("next", () => { stop(); go(state.at + 1); });
    click("last", () => { stop(); go(steps()); });
    click("play", play);
    click("check", () => answer(false));
    click("reveal", () => answer(true));
    el("slider").addEventListener("input", () => { stop(); go(Number(el("slider").value)); });
    el("speed").addEventListener("change", () => { if (state.timer !== null) { stop(); play(); } });
    el("quiz").addEventListener("change", () => go(state.at));
    el("guess").addEventListener("keydown", (event) => { if (event.key === "Enter") answer(false); });

    const keys = {
      ArrowRight: () => go(state.at + 1), ArrowLeft: () => go(state.at - 1), Home: () => go(0), End: () => go(steps()),
      f: () => phase("forward"), b: () => phase("backward"),
    };
    document.addEventListener("keydown", (event) => {
      const where = event.target.tagName;
      if (event.ctrlKey || event.altKey || event.metaKey || where === "SELECT" || ["text", "number"].includes(event.target.type)) return;
      if (event.key === " " && where !== "BUTTON" && event.target.type !== "checkbox") {
        event.preventDefault();
        play();
      } else if (keys[event.key] && !(event.target.type === "range" && event.key.length > 1)) {
        event.preventDefault();
        if (event.key.length > 1) stop();
        keys[event.key]();
      }
    });

    nodes.forEach((node, i) => {
      if (drawn[i]) {
        drawn[i].addEventListener("click", () => {
          stop();
          const mine = (one) => (boxes ? giver(one) === i : one.input === i);
          const event = state.phase === "forward" ? forward.findLastIndex((one) => nodes[one].box === i) :
            backward.findLastIndex(mine);
          go(stops[state.phase].findIndex((end) => end > event));
        });
      }
      node.inputs.forEach((_, k) => {
        const edge = group(i, k);
        if (edge) {
          edge.addEventListener("click", () => {
            stop();
            if (state.phase === "forward") go(rank.get(i));
            else go(backward.findIndex((step) => step.node === i && step.position === k) + 1);
          });
        }
      });
    });

    if (recompute || live) offerInputs();
    el("controls").hidden = false;
    el("story").hidden = false;
    ticks();
    go(0);
  }

  try {
    start(read(el("trace").textContent));
  } catch (error) {
    el("trouble").textContent = "This page cannot be stepped through: " + error.message + ".";
    el("trouble").hidden = false;
  }
})();
