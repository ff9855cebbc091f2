"""Makes a tiny Llama with random weights and a tokenizer to match; nothing is downloaded.

It runs in the virtual environment of `python -m tests.local_model`, where PyTorch and transformers are. What comes out
is a folder as on the Hugging Face hub: about a million random weights, a byte-level BPE tokenizer trained on the
sentences below and a chat template. The model takes any text and says nothing in particular, always in valid UTF-8 and
always the same: it picks the likeliest token.

    python make_model.py FOLDER
"""

import importlib
import sys
from pathlib import Path
from typing import Any, Final

PAD, END, TURN = "<pad>", "<end>", "<turn>"

SENTENCES: Final = (
    "A junction is where one way becomes several, and several become one again.",
    "The signalman knows every train, every track and every minute of the day.",
    "At night the rails are cold, the lamps are green, and nobody is in a hurry.",
    "Which way a wagon takes is settled before it comes to the points.",
    "Wo sich die Gleise trennen, wählt man die Strecke; später läßt sich nichts mehr ändern.",
    "Où va ce train ? À l'autre bout de la ligne, après la dernière gare.",
    "電車は駅で二つの線路に分かれる。",
    "Поезд идёт дальше, чем видно со станции.",
    "🚂 🚃 🛤️ … and then the whistle: 1, 2, 3, 4, 5, 6, 7, 8, 9, 0!",
)

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}<turn>{{ message['role'] }}\n{{ message['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)


def make_tokenizer() -> Any:
    """Train a tokenizer that takes every byte."""
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.train_from_iterator(
        SENTENCES,
        tokenizers.trainers.BpeTrainer(
            vocab_size=640,
            special_tokens=[PAD, END, TURN],
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            min_frequency=1,
            show_progress=False,
        ),
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, eos_token=END, chat_template=CHAT_TEMPLATE
    )


def make_model(tokenizer: Any) -> Any:
    """Build a Llama for the tokenizer, with the same random weights every time."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(20)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1 << 20,
            initializer_range=0.3,  # far enough apart that the likeliest token is the same on every machine
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    model.generation_config = transformers.GenerationConfig(
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        suppress_tokens=_no_text(tokenizer),
    )
    return model


def _no_text(tokenizer: Any) -> list[int]:
    """Return the tokens that are no text of their own: special ones but the end, and parts of characters."""
    listed = []
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token])
        if token != tokenizer.eos_token_id and (text in {PAD, TURN} or "�" in text or not text.isprintable()):
            listed.append(token)
    return listed


def main(folder: Path) -> None:
    """Write model and tokenizer into `folder`."""
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
