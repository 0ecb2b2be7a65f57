"""From items to tensors: streaming, parallel decoding, training images kept in memory, augmentation."""
