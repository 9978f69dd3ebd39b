        /// The model's metadata has no list of labels.
        case modelHasNoLabels
        /// What the model gave is no row of probabilities.
        case outputIsNotProbabilities
        /// There are more or fewer labels than probabilities.
        case labelsDoNotFit(labels: Int, probabilities: Int)
