/* The stepper in a frame, whose changed inputs go to the kernel and come back as a trace. */
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "Step through backpropagation";
    frame.setAttribute("sandbox", "allow-scripts allow-downloads allow-modals");
    frame.style.cssText = `width:100%;height:${model.get("height") ?? 640}px;border:0`;
    if (model.get("height")) frame.dataset.fixed = "";
    frame.srcdoc = model.get("page");
    const toKernel = (event) => {
      if (event.source === frame.contentWindow && Array.isArray(event.data.numbers)) {
        model.send({ numbers: event.data.numbers });
      }
    };
    const toFrame = (content) => frame.contentWindow.postMessage({ trace: content.trace }, "*");
    window.addEventListener("message", toKernel);
    model.on("msg:custom", toFrame);
    el.append(frame);
    const unfit = fitFrame(frame);
    return () => {
      unfit();
      window.removeEventListener("message", toKernel);
      model.off("msg:custom", toFrame);
    };
  },
};
