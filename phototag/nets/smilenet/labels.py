"""SmileNet, the smile and emotion CNN: net, preprocessing, data, training, evaluation. Knows no database.

This file imports nothing heavy, so that label names are there without torch.
"""

EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")

# What other datasets call the same eight (FER2013, RAF-DB, AffectNet, CK+, KDEF, ImageFolder copies of them).
EMOTION_OF = {
    **{name: name for name in EMOTIONS},
    "happy": "happiness", "smile": "happiness", "smiling": "happiness", "joy": "happiness",
    "sad": "sadness", "angry": "anger", "surprised": "surprise", "disgusted": "disgust",
    "fearful": "fear", "afraid": "fear", "contemptuous": "contempt", "calm": "neutral",
}  # fmt: skip
