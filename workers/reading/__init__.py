"""How a text is read aloud: what stands between the words of an answer and a voice.

`reader.py` is the way in; `markup.py` takes off what is only seen, `shapes.py` knows addresses, dates and the like by
their shape, `amounts.py` numbers and what is counted, `language.py` what a language calls them, `mapped.py` which word
of the source each spoken word stands for.
"""
