#include "begin.p4"
header broken_t { bit<8> ; }
control First() { apply { a = ; b = 1 } }
const bit<8> x = (1 + 2;
table t { }
const bit<8> y = 0xzz;
