#include "begin.p4"
typedef bit<4294967295> huge_t;
typedef bit<(0 - 1)> negative_t;
typedef bit<0> nothing_t;
typedef missing_t alias_t;
typedef headers_t<bit<8>> generic_t;
struct with_varbit_t { varbit<64> options; void nothing; int number; }
header with_bad_field_t { color_t color; bit<8> a; bit<8> a; }
typedef bit<8>[4] array_t;
typedef mpls_t[0] empty_t;
type headers_t new_headers_t;
enum bit<4> small_t { A = 1, B, A = 2 }
enum plain_t { A = 1 }
error { NoError }
match_kind { exact }
const bit<8> twice = 1;
const bit<8> twice = 2;
header_union either_t { ethernet_t ethernet; mpls_t mpls; }
struct pair_t<T> { T first; T second; }
