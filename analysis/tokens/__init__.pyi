from .projection import tokens as tokens
