import { test } from '@playwright/test'

test('log in', async ({ page }) => {
  await page.goto('https://shop.example.org/login')
})
