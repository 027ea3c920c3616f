#include "batch/keylane.h"

#include "base/murmur2.h"

size_t keylane_of(struct str key, int64_t number, size_t lanes)
{
	return key.ptr ? murmur2(key) % lanes : (size_t)number % lanes;
}
