#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static struct digest digest_of(struct str key, struct str value)
{
	struct digest d = DIGEST_INIT;
	digest_record(&d, key, value);
	return d;
}

static void check_hex(struct digest d, const char *want)
{
	char hex[DIGEST_HEX];
	digest_hex(&d, hex);
	assert_string_equal(hex, want);
}

static const struct str null = STR_INIT;

/* These come from xxhsum -H2 over the bytes that digest.h defines. */
static void test_digest_record_definition(void **state)
{
	(void)state;
	check_hex(digest_of(null, null), "2c75c396ceb7747be6873ce65343027f");
	check_hex(digest_of(null, STR("")), "160b26b7d5f9be7b86eef3de1dbbccea");
	check_hex(digest_of(STR(""), null), "91de7409ff967463439f3077b77bed63");
	check_hex(digest_of(STR("key"), STR("value")), "7c1438f51c25bd25332d478576070434");
	struct buf text = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_putc(&text, (char)i);
	check_hex(digest_of(STR("key"), buf_str(&text)), "7ac694d28a6a43409904932d6f336523");
	static const struct {
		size_t length; /* of the value; with the key's it passes what is hashed in one piece */
		const char *want;
	} rows[] = {
	    {200, "3c99b2b12f84416da260250e3c39d90d"},
	    {1020, "52f447ec9c60e63c57fdfb2b74dee290"},
	    {1021, "97319dc96a6f33975c1372e348c8a0d5"},
	    {1022, "7b30d1dbbbefb4a448f6b155a20a485c"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_hex(digest_of(STR("key"), (struct str){text.data, rows[i].length}), rows[i].want);
	buf_release(&text);
}

static void test_digest_record_borders(void **state)
{
	(void)state;
	const struct str rows[][2] = {
	    {null, null}, {null, STR("")}, {STR(""), null}, {STR(""), STR("")},
	    {STR("ab"), STR("c")}, {STR("a"), STR("bc")}, {STR("abc"), STR("")},
	    {STR(""), STR("abc")}, {null, STR("abc")}, {STR("abc"), null},
	};
	size_t count = sizeof(rows) / sizeof(*rows);
	for (size_t i = 0; i < count; i++) {
		struct digest a = digest_of(rows[i][0], rows[i][1]);
		for (size_t k = 0; k < count; k++) {
			struct digest b = digest_of(rows[k][0], rows[k][1]);
			assert_int_equal(digest_equal(&a, &b), i == k);
		}
	}
}

static void test_digest_order_free(void **state)
{
	(void)state;
	struct digest a = DIGEST_INIT, b = DIGEST_INIT, c = DIGEST_INIT;
	const char *const values[] = {"one", "two", "three", "two"};
	for (size_t i = 0; i < 4; i++) {
		digest_record(&a, null, str_of(values[i]));
		digest_record(&b, null, str_of(values[3 - i]));
	}
	assert_true(digest_equal(&a, &b));
	for (size_t i = 0; i < 3; i++)
		digest_record(&c, null, str_of(values[i]));
	assert_false(digest_equal(&a, &c));
	struct digest last = digest_of(null, STR("two"));
	digest_add(&c, &last);
	assert_true(digest_equal(&a, &c));
}

static void test_digest_add_carries(void **state)
{
	(void)state;
	struct digest a = {.lo = UINT64_MAX, .hi = 1}, one = {.lo = 1};
	digest_add(&a, &one);
	assert_true(a.lo == 0 && a.hi == 2);
	a = (struct digest){.lo = UINT64_MAX, .hi = UINT64_MAX};
	digest_add(&a, &one);
	assert_true(a.lo == 0 && a.hi == 0);
}

static void test_digest_hex(void **state)
{
	(void)state;
	struct digest d = {.lo = UINT64_C(0x0123456789abcdef), .hi = UINT64_C(0xfedcba9876543210)};
	struct digest back = DIGEST_INIT;
	check_hex(d, "fedcba98765432100123456789abcdef");
	assert_true(digest_from_hex(STR("fedcba98765432100123456789abcdef"), &back));
	assert_true(digest_equal(&d, &back));
	assert_false(digest_from_hex(STR("fedcba98765432100123456789abcde"), &back));
	assert_false(digest_from_hex(STR("fedcba98765432100123456789abcdef0"), &back));
	assert_false(digest_from_hex(STR("fedcba98765432100123456789abcdeg"), &back));
	assert_false(digest_from_hex(STR("FEDCBA98765432100123456789ABCDEF"), &back));
	assert_false(digest_from_hex(null, &back));
	assert_true(digest_equal(&d, &back));
	check_hex((struct digest)DIGEST_INIT, "00000000000000000000000000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_digest_record_definition),
	    cmocka_unit_test(test_digest_record_borders),
	    cmocka_unit_test(test_digest_order_free),
	    cmocka_unit_test(test_digest_add_carries),
	    cmocka_unit_test(test_digest_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
