import { adopt } from "./dom.js";

const LARGEST_SIDE = 2048; // of a file that is too large to be sent as it is

async function reduced(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
}

function render({ model, el }) {
  adopt(el);
  const zone = document.createElement("label");
  zone.className = "i2v-drop";
  const words = document.createElement("span");
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = "image/*";
  zone.append(chooser, words);
  el.append(zone);
  const say = (text) => (words.textContent = text ?? model.get("text"));
  const invite = () => say();

  async function take(file) {
    if (!file) return;
    say(`Reading ${file.name} …`);
    try {
      const blob = file.size > model.get("largest") ? await reduced(file) : file;
      model.send({ event: "picture", name: file.name }, undefined, [await blob.arrayBuffer()]);
      say();
    } catch (error) {
      say(`${file.name} cannot be read: ${error.message}`);
    }
  }

  chooser.addEventListener("change", () => {
    take(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    zone.classList.add("i2v-over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("i2v-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would open the file
    zone.classList.remove("i2v-over");
    take(event.dataTransfer.files[0]);
  });
  zone.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
  model.on("change:text", invite);
  invite();
  return () => model.off("change:text", invite);
}

export default { render };
