// Drops a tenth of 100 elements, and prints which: feffafbf 7fffb7ff ffffffff 0000000f.
#include <dropout_kernels.h>
#include <stdio.h>

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f));  // p, the probability to drop: 0.1

float x[100], y[100];
uint32_t mask[DK_MASK_WORDS(100)];

void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
  for (int i = 0; i < 100; i++) x[i] = 1.0f;
  dk_key key = {42, 0};  // a seed and a stream name a mask
  const dk_source draw = dk_source_key_into(key, mask, 100);
  dk_status status = dk_forward_f32(&HIDDEN, x, y, 100, &draw);
  if (status != DK_OK) {
    Serial.println(dk_status_name(status));
    return;
  }
  for (int i = 0; i < 4; i++) {
    char word[12];
    snprintf(word, sizeof word, "%08lx", (unsigned long)mask[i]);
    Serial.println(word);
  }
}

void loop() {}
