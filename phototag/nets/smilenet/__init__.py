"""SmileNet, the smile and emotion CNN: net, preprocessing, data, training, evaluation. Knows no database."""
