#include "base/escape.h"

#include "base/hex.h"

static size_t read_hex(const char *digits, char *out)
{
	int high = hex_digit(digits[0]);
	int low = high < 0 ? -1 : hex_digit(digits[1]);
	if (low < 0)
		return 0;
	*out = (char)(unsigned char)(high << 4 | low);
	return 4;
}

size_t escape_read(const char *text, char *out)
{
	if (text[0] != '\\')
		return 0;
	switch (text[1]) {
	case 'n':
		*out = '\n';
		return 2;
	case 't':
		*out = '\t';
		return 2;
	case 'r':
		*out = '\r';
		return 2;
	case '0':
		*out = '\0';
		return 2;
	case '\\':
		*out = '\\';
		return 2;
	case 'x':
		return read_hex(text + 2, out);
	default:
		return 0;
	}
}
