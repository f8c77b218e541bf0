import { UrlMonitor } from 'checkly/constructs'

new UrlMonitor('first', {
  name: 'Before it breaks',
  request: { url: 'https://shop.example.org/first' },
})
new UrlMonitor('second', {
  name: 'It breaks',
  request: { url: new URL(process.env.NOBODY_SET_THIS!).href },
})
