#include <core.p4>
control C();
package Tiny(C c);
control Nothing() { apply { } }
Tiny(Nothing()) main;
